/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What ttp_run was asked for, and -v.
 */
#ifndef _TTP_RUN_SAY_H
#define _TTP_RUN_SAY_H

#include <stdbool.h>

/* How the launcher tells the library */
#define ENV_ACTIVE	"TTP_RUN"
#define ENV_VERBOSE	"TTP_RUN_VERBOSE"
#define ENV_LOG		"TTP_RUN_LOG"
#define ENV_VC		"TTP_RUN_VC"
#define ENV_HOSTS	"TTP_RUN_HOSTS"
#define ENV_ONLY	"TTP_RUN_ONLY"

#define HOSTS_FILE	"/etc/ttp/hosts"

/**
 * struct settings - the launcher's options
 * @hosts: file of hosts
 * @vc: virtual channel of connections
 * @only: never fall back to TCP
 * @verbose: tell
 */
struct settings {
	const char *hosts;
	unsigned char vc;
	bool only;
	bool verbose;
};

extern struct settings settings;

void settings_read(void);

/* One line about a socket; fd < 0: about none */
void say(int fd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* _TTP_RUN_SAY_H */
