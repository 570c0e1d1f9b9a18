/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of ttpctl share.
 */
#ifndef _TTPCTL_H
#define _TTPCTL_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include <libmnl/libmnl.h>
#include <linux/ttp.h>

#include "addr.h"
#include "num.h"

/* Exit status, as ip's */
enum {
	EXIT_OK = 0,
	EXIT_USAGE = 1,		/* the command is wrong */
	EXIT_KERNEL = 2,	/* the kernel refused it */
};

struct options {
	bool	json;
	bool	pretty;
	bool	stats;
};

extern struct options opt;

/* ---- args.c: what is left of the command line ---- */

struct args {
	int	argc;
	char	**argv;
};

/* The next word, or NULL */
const char *args_next(struct args *a);

/**
 * args_value() - the word that has to follow a keyword
 * @a: the words
 * @keyword: what it follows, for the message
 *
 * Does not return without one.
 */
const char *args_value(struct args *a, const char *keyword);

/* args_value(), as a number, as a MAC address or as a device's index */
uint32_t args_u32(struct args *a, const char *keyword, uint32_t min,
		  uint32_t max);
void args_mac(struct args *a, const char *keyword, unsigned char *mac);
uint32_t args_dev(struct args *a, const char *keyword);

/* The index of a device; does not return if there is none. */
uint32_t args_ifindex(const char *name);

/**
 * args_pick() - find a word, or the only one that begins like it
 * @what: "object", "command", for the message
 * @word: what was given
 * @list: all words, NULL at the end
 *
 * Return: the index in @list; does not return if there is none or several.
 */
int args_pick(const char *what, const char *word, const char *const *list);

/* Say what is wrong with the command line, and exit. */
void args_wrong(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* ---- genl.c: talking to the module ---- */

#define GENL_BUF	32768
#define GENL_REQ	8192

/**
 * struct genl - the way to the module
 * @nl: socket
 * @family: id of the family "ttp"
 * @group: id of its multicast group "dev", 0 if it has none
 * @seq: of the request under way
 * @names: keyword of each attribute, for errors; or NULL
 * @names_max: greatest index of @names
 * @quiet: tell nobody about errors
 * @err: errno of the last error
 * @intr: the dump changed while it was taken
 * @req: the request under way
 * @buf: answers
 */
struct genl {
	struct mnl_socket	*nl;
	uint16_t		family;
	uint32_t		group;
	uint32_t		seq;
	const char *const	*names;
	uint16_t		names_max;
	bool			quiet;
	int			err;
	bool			intr;
	const struct nlmsghdr	*req;
	char			buf[GENL_BUF] __attribute__((aligned(8)));
};

/* Called for each message of an answer. Return: MNL_CB_OK or MNL_CB_ERROR. */
typedef int (*genl_cb_t)(const struct nlmsghdr *nlh, void *arg);

/**
 * genl_open() - find the module
 * @g: filled
 *
 * Return: an exit status; if it is not EXIT_OK, the reason has been told.
 */
int genl_open(struct genl *g);
void genl_close(struct genl *g);

/* Room for a request */
struct genl_req {
	char	buf[GENL_REQ] __attribute__((aligned(8)));
};

/**
 * genl_request() - begin a request
 * @req: room
 * @cmd: TTP_CMD_*
 *
 * Needs no module, so that a command line can be judged without one.
 *
 * Return: a message, for mnl_attr_put*().
 */
struct nlmsghdr *genl_request(struct genl_req *req, uint8_t cmd);

/* Send a request, take the answer. Return: an exit status. */
int genl_do(struct genl *g, struct nlmsghdr *req, genl_cb_t cb, void *arg);

/**
 * genl_dump() - as genl_do(), for a list
 * @g: the way
 * @req: the request
 * @cb: called for each entry
 * @again: called before the list is taken afresh since it changed meanwhile
 * @arg: for both
 *
 * Return: an exit status.
 */
int genl_dump(struct genl *g, struct nlmsghdr *req, genl_cb_t cb,
	      void (*again)(void *arg), void *arg);

/* Take announcements for ever. Return: an exit status. */
int genl_listen(struct genl *g, genl_cb_t cb, void *arg);

/*
 * A list is printed when it is complete: a copy of each message waits in a
 * struct genl_list. genl_list_add() and _again() are for genl_dump().
 */
struct genl_list {
	struct nlmsghdr	**msg;
	size_t		n;
};

int genl_list_add(const struct nlmsghdr *nlh, void *list);
void genl_list_again(void *list);
void genl_list_free(struct genl_list *list);

/* Sort a message's attributes by type; tb has max + 1 entries. */
void genl_attrs(const struct nlmsghdr *nlh, const struct nlattr **tb,
		uint16_t max);

/* An attribute's value; 0 or "" if it is absent or too short */
uint8_t attr_u8(const struct nlattr *a);
uint16_t attr_be16(const struct nlattr *a);
uint32_t attr_u32(const struct nlattr *a);
uint64_t attr_u64(const struct nlattr *a);
const char *attr_str(const struct nlattr *a);
void attr_mac(const struct nlattr *a, unsigned char *mac);

/* ---- out.c ---- */

/* Print a value as -json and -pretty ask; takes the reference. */
void out_json(json_t *value);
/* Set a member; a value too large for jansson becomes a string. */
void out_u64(json_t *obj, const char *key, uint64_t value);
void out_str(json_t *obj, const char *key, const char *value);
void out_mac(json_t *obj, const char *key, const unsigned char *mac);
void out_dev(json_t *obj, uint32_t ifindex, const char *name);
/* Name of a device, "if7" if it is gone */
const char *out_ifname(uint32_t ifindex);

/* ---- dev.c, link.c, stat.c: an object each ---- */

int dev_main(struct args *a);
int dev_monitor(struct args *a);
int link_main(struct args *a);
int stat_main(struct args *a);

#endif /* _TTPCTL_H */
