/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests share: two network namespaces, joined by a wire, with TTP
 * enabled at both ends; sockets between them; the module's counters.
 */
#ifndef _TTP_LIB_H
#define _TTP_LIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <linux/ttp.h>

/**
 * struct ttp_node - one end of a wire
 * @ns: its network namespace
 * @ifindex: the device there
 * @mac: the device's address
 */
struct ttp_node {
	int		ns;
	int		ifindex;
	unsigned char	mac[6];
};

/**
 * struct ttp_wire - two nodes on a veth pair
 * @a: one of them; devices are called "wire0" on both
 * @b: the other one
 */
struct ttp_wire {
	struct ttp_node	a;
	struct ttp_node	b;
};

/**
 * struct ttp_opt - one setting of an enabled device
 * @attr: TTP_A_DEV_*, 32 bits wide or TTP_A_DEV_ALLOW
 * @value: its value
 * @mac: for TTP_A_DEV_ALLOW
 */
struct ttp_opt {
	int			attr;
	uint32_t		value;
	const unsigned char	*mac;
};

#define TTP_STATS_MAX	128

/**
 * struct ttp_stats - the counters of a namespace
 * @n: how many
 * @c: each with its name
 */
struct ttp_stats {
	int n;
	struct {
		char		name[32];
		uint64_t	value;
	} c[TTP_STATS_MAX];
};

/* Last words of the kernel about a refused netlink request */
extern char ttp_extack[256];

/* Slow machine (debug kernel): everything takes so many times longer. */
int ttp_slow(void);
/* How long to wait for what has to come: a machine may stand still for a while. */
#define TTP_SOON	20000
/* Virtual time, which nothing takes but waiting: what is exact is exact there. */
bool ttp_virtual(void);
/* The end of what has to be over after so many ms; real machines may be late. */
long ttp_latest(long ms);
long ttp_now_ms(void);
void ttp_sleep_ms(long ms);

/* All of these end the program with a message if the system itself fails. */
int ttp_ns_new(void);
void ttp_enter(const struct ttp_node *node);
/* A veth pair for tests that look at frames: each comes by itself. */
void ttp_wire_make(struct ttp_wire *w, unsigned int mtu);
/* TTP_MTU of the environment, or 1500; and what a frame carries then */
unsigned int ttp_mtu(void);
unsigned int ttp_max_payload(void);
/* One with TTP at both ends; runs of frames cross it whole. In the environment
 * TTP_GSO=off: from neither end; mixed: from a alone.
 */
void ttp_wire_up(struct ttp_wire *w);
void ttp_wire_free(struct ttp_wire *w);
/* An offload of a node's end of the wire: ETHTOOL_SGSO and its like */
int ttp_feature(const struct ttp_node *node, uint32_t which, uint32_t on);

/* In the calling thread's namespace; 0 or a negative errno */
int ttp_dev_cmd(int cmd, int ifindex, const struct ttp_opt *opts, int n);
int ttp_dev_add(int ifindex);
int ttp_dev_del(int ifindex);
int ttp_link_flags(int ifindex, unsigned int flags, unsigned int change);
/* rtnetlink: change one IFLA_* of a device, and delete a device */
int ttp_link_set(int ifindex, int attr, const void *data, int len);
int ttp_link_del(int ifindex);
/* TTP_CMD_LINK_DEL and a count of links (TTP_CMD_LINK_GET) */
int ttp_reset_link(int ifindex, const struct sockaddr_ttp *peer, int lport);
int ttp_count_links(void);
/* A link by its name; false if there is none */
bool ttp_find_link(int ifindex, const struct sockaddr_ttp *peer, int lport,
		   struct ttp_info *info);
int ttp_stats_read(struct ttp_stats *s);
uint64_t ttp_stat(const struct ttp_stats *s, const char *name);
uint64_t ttp_counter(const struct ttp_node *node, const char *name);

/* An address; mac NULL: none */
struct sockaddr_ttp ttp_addr(int ifindex, const unsigned char *mac, int port);

/* Sockets; -1 and errno on failure */
int ttp_socket(const struct ttp_node *node, int type);
int ttp_listen(const struct ttp_node *node, int type, int port, int backlog);
int ttp_dial(const struct ttp_node *from, const struct ttp_node *to, int type,
	     int port);
int ttp_pair(const struct ttp_wire *w, int type, int fd[2]);

int ttp_info(int fd, struct ttp_info *info);
/* SO_ERROR, which takes it off the socket; -1: there is none to ask */
int ttp_socket_error(int fd);
/* Wait until a condition of TTP_INFO holds; false after the time is up. */
bool ttp_wait_acked(int fd, long ms);
int ttp_poll(int fd, short events, long ms);
/* Has the other end said that it has no room? Or there is none any more. */
bool ttp_full_there(int fd);

/* A stream of bytes that tells where each of them belongs */
void ttp_fill(void *buf, size_t len, uint64_t at, unsigned int seed);
/* Offset of the first wrong byte, or -1 */
ssize_t ttp_check(const void *buf, size_t len, uint64_t at, unsigned int seed);

ssize_t ttp_send_all(int fd, const void *buf, size_t len);
ssize_t ttp_recv_all(int fd, void *buf, size_t len);

/**
 * struct ttp_pump - bytes to go through a socket, in a thread
 * @fd: the socket
 * @len: how many
 * @chunk: bytes at a time
 * @seed: which stream of bytes
 * @done: how many went through
 * @error: errno of the end, or -1: wrong bytes at @done
 */
struct ttp_pump {
	int		fd;
	size_t		len;
	size_t		chunk;
	unsigned int	seed;
	size_t		done;
	int		error;
};

void *ttp_pump_out(void *pump);
void *ttp_pump_in(void *pump);

#endif /* _TTP_LIB_H */
