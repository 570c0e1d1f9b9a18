// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options.
 *
 * Those of the level SOL_SOCKET are TTP's own business once a socket is TTP's.
 * Those of TCP and IP are remembered: a TCP socket that is made for a moment
 * says whether a value is good, what is told of it afterwards, and what is told
 * of options that nobody has set.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <linux/tcp.h>
#include <linux/ttp.h>

#include "epoll.h"
#include "fd.h"
#include "info.h"
#include "libc.h"
#include "num.h"
#include "opts.h"
#include "say.h"

#define CONGESTION	"ttp"

/* Newer than the headers: TCP_AO_ADD_KEY */
#define TCP_AO_KEY	38

/* ---- the list ---- */

void opts_free(struct opt **list)
{
	struct opt *o;

	while ((o = *list)) {
		*list = o->next;
		free(o);
	}
}

struct opt *opts_copy(const struct opt *list)
{
	struct opt *first = NULL, **end = &first;

	for (; list; list = list->next) {
		*end = malloc(sizeof(**end));
		if (!*end)
			break;
		**end = *list;
		(*end)->next = NULL;
		end = &(*end)->next;
	}
	return first;
}

static struct opt *opt_find(struct opt *list, int level, int name)
{
	while (list && (list->level != level || list->name != name))
		list = list->next;
	return list;
}

/* Where an option is kept; moved to the end, as it was set last */
static struct opt *opt_new(struct opt **list, int level, int name)
{
	struct opt *o, **p;

	for (p = list; (o = *p); p = &o->next)
		if (o->level == level && o->name == name) {
			*p = o->next;
			break;
		}
	if (!o)
		o = malloc(sizeof(*o));
	if (!o)
		return NULL;
	while (*p)
		p = &(*p)->next;
	memset(o, 0, sizeof(*o));
	o->level = level;
	o->name = name;
	*p = o;
	return o;
}

void opts_note(struct opt **list, int level, int name, const void *value,
	       socklen_t len)
{
	struct opt *o = opt_new(list, level, name);

	if (!o)
		return;
	/* Longer ones are pointers and tables: only that they are set counts. */
	o->len = len <= OPT_LEN && value ? len : 0;
	memcpy(o->value, value, o->len);
	memcpy(o->told, value, o->len);
	o->told_len = o->len;
}

void opts_settle(struct opt *list, int tcp_fd)
{
	for (; list; list = list->next) {
		list->told_len = OPT_LEN;
		if (libc()->getsockopt(tcp_fd, list->level, list->name,
				       list->told, &list->told_len))
			list->told_len = 0;
	}
}

/* ---- what they mean for TTP ---- */

struct name {
	int level;
	int name;
	const char *text;
};

/*
 * What guards a socket, or sends it elsewhere, by means that TTP has not: a
 * reason to stay TCP. Refused on an AF_TTP socket but at SOL_SOCKET, which is
 * TTP's own business there.
 */
static const struct name tcp_only[] = {
	{ SOL_SOCKET, SO_ATTACH_FILTER, "SO_ATTACH_FILTER is set" },
	{ SOL_SOCKET, SO_ATTACH_BPF, "SO_ATTACH_BPF is set" },
	{ SOL_SOCKET, SO_MARK, "SO_MARK is set" },
	{ IPPROTO_TCP, TCP_MD5SIG, "TCP_MD5SIG is set" },
	{ IPPROTO_TCP, TCP_MD5SIG_EXT, "TCP_MD5SIG_EXT is set" },
	{ IPPROTO_TCP, TCP_REPAIR, "TCP_REPAIR is set" },
	{ IPPROTO_TCP, TCP_ULP, "TCP_ULP is set" },
	{ IPPROTO_TCP, TCP_AO_KEY, "TCP_AO_ADD_KEY is set" },
	{ IPPROTO_IP, IP_IPSEC_POLICY, "IP_IPSEC_POLICY is set" },
	{ IPPROTO_IP, IP_XFRM_POLICY, "IP_XFRM_POLICY is set" },
	{ IPPROTO_IPV6, IPV6_IPSEC_POLICY, "IPV6_IPSEC_POLICY is set" },
	{ IPPROTO_IPV6, IPV6_XFRM_POLICY, "IPV6_XFRM_POLICY is set" },
	{ IPPROTO_IP, IP_TRANSPARENT, "IP_TRANSPARENT is set" },
	{ IPPROTO_IPV6, IPV6_TRANSPARENT, "IPV6_TRANSPARENT is set" },
};

static const char *tcp_only_find(int level, int name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tcp_only); i++)
		if (tcp_only[i].level == level && tcp_only[i].name == name)
			return tcp_only[i].text;
	return NULL;
}

const char *opts_keep_tcp(const struct opt *list)
{
	const char *text = NULL;

	for (; list && !text; list = list->next)
		text = tcp_only_find(list->level, list->name);
	return text;
}

static int set_u32(int fd, int name, uint32_t value)
{
	return libc()->setsockopt(fd, SOL_TTP, name, &value, sizeof(value));
}

/* What TTP has as well, by another name. Return: 1: nothing of the kind */
static int apply_tcp(int fd, int name, const void *value, socklen_t len)
{
	int v;

	if (len < sizeof(v))
		return 1;
	memcpy(&v, value, sizeof(v));
	if (name == TCP_KEEPIDLE)
		return set_u32(fd, TTP_KEEPALIVE, v * 1000U);
	if (name == TCP_USER_TIMEOUT)
		return set_u32(fd, TTP_USER_TIMEOUT, v);
	if (name == TCP_CORK)
		return set_u32(fd, TTP_CORK, !!v);
	return 1;
}

static int apply_socket(int fd, int name, const void *value, socklen_t len)
{
	/* Older kernels know SO_ZEROCOPY of some families only. */
	if (name == SO_ZEROCOPY)
		return libc()->setsockopt(fd, SOL_TTP, TTP_ZEROCOPY, value,
					  len);
	/* The device is chosen by the address. */
	if (name == SO_BINDTODEVICE || name == SO_BINDTOIFINDEX)
		return 0;
	/* Its value was a pointer to what is gone by now. */
	if (name == SO_ATTACH_REUSEPORT_CBPF)
		return 0;
	return libc()->setsockopt(fd, SOL_SOCKET, name, value, len);
}

void opts_apply(const struct opt *list, int ttp_fd)
{
	int saved = errno;

	for (; list; list = list->next) {
		if (list->level == SOL_SOCKET)
			apply_socket(ttp_fd, list->name, list->value,
				     list->len);
		else if (list->level == IPPROTO_TCP)
			apply_tcp(ttp_fd, list->name, list->value, list->len);
	}
	errno = saved;
}

void opts_restore(const struct opt *list, int tcp_fd)
{
	int saved = errno;

	for (; list; list = list->next)
		libc()->setsockopt(tcp_fd, list->level, list->name, list->value,
				   list->len);
	errno = saved;
}

/* ---- a TCP socket to ask ---- */

static int model(int family)
{
	return socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
}

static void model_end(int s)
{
	int saved = errno;

	libc()->close(s);
	errno = saved;
}

/* What an AF_TTP socket looks like to the program */
struct looks {
	int family;
	struct opt opt;
	bool has_opt;
};

/* Return: whether it is a socket of ours that the program believes is TCP */
static bool looks_get(int fd, int level, int name, struct looks *looks)
{
	struct opt *o;
	struct file *f;
	sigset_t was;

	fd_lock(&was);
	f = fd_find_as(fd, ROLE_CONN);
	if (f) {
		looks->family = f->family;
		o = opt_find(f->opts, level, name);
		looks->has_opt = o;
		if (o)
			looks->opt = *o;
	}
	fd_unlock(&was);
	return f;
}

static void looks_set(int fd, const struct opt *opt)
{
	struct opt *o, *next;
	struct file *f;
	sigset_t was;

	fd_lock(&was);
	f = fd_find_as(fd, ROLE_CONN);
	o = f ? opt_new(&f->opts, opt->level, opt->name) : NULL;
	if (o) {
		next = o->next;
		*o = *opt;
		o->next = next;
	}
	fd_unlock(&was);
}

/* ---- setsockopt() ---- */

static int set_model(int fd, const struct looks *looks, int level, int name,
		     const void *value, socklen_t len)
{
	struct opt opt = { .level = level, .name = name };
	int s, ret;

	s = model(looks->family);
	if (s < 0)
		return -1;
	ret = libc()->setsockopt(s, level, name, value, len);
	if (!ret) {
		opt.len = len <= OPT_LEN ? len : 0;
		memcpy(opt.value, value, opt.len);
		opt.told_len = OPT_LEN;
		if (libc()->getsockopt(s, level, name, opt.told, &opt.told_len))
			opt.told_len = 0;
		looks_set(fd, &opt);
	}
	model_end(s);
	return ret;
}

static int set_conn(int fd, const struct looks *looks, int level, int name,
		    const void *value, socklen_t len)
{
	if (level == SOL_SOCKET && name != SO_REUSEPORT)
		return apply_socket(fd, name, value, len);
	if (tcp_only_find(level, name)) {
		errno = ENOPROTOOPT;
		return -1;
	}
	if (level == SOL_TTP)
		return libc()->setsockopt(fd, level, name, value, len);
	if (set_model(fd, looks, level, name, value, len))
		return -1;
	return level == IPPROTO_TCP &&
	       apply_tcp(fd, name, value, len) < 0 ? -1 : 0;
}

/* It has succeeded for TCP: keep it for when the socket becomes TTP's. */
static void set_noted(int fd, int level, int name, const void *value,
		      socklen_t len)
{
	int saved = errno, family;
	struct opt one = { .level = level, .name = name, .len = len };
	struct file *f;
	sigset_t was;

	/* A connection by TCP stays one. */
	if (fd_settled(fd))
		return;
	family = fd_stream(fd);
	if (!family)
		goto out;
	fd_lock(&was);
	f = fd_find(fd);
	if (!f)
		f = fd_add(fd, ROLE_PLAIN, family);
	if (f && f->role != ROLE_CONN) {
		opts_note(&f->opts, level, name, value, len);
		if (tcp_only_find(level, name) && f->shadow >= 0) {
			say(fd, "listens by TCP alone from now on: %s",
			    tcp_only_find(level, name));
			both_unwatch(f);
		}
		if (f->role == ROLE_LISTENER && f->shadow >= 0 &&
		    len <= OPT_LEN) {
			memcpy(one.value, value, len);
			opts_apply(&one, f->shadow);
		}
	}
	fd_unlock(&was);
out:
	errno = saved;
}

static int cork_get(int fd)
{
	socklen_t len = sizeof(int);
	int on;

	return libc()->getsockopt(fd, SOL_TTP, TTP_CORK, &on, &len) ? -1 : on;
}

/* What some servers switch with each answer. No other socket knows TTP_CORK. */
static bool set_cork(int fd, int on)
{
	int saved = errno;

	if (!set_u32(fd, TTP_CORK, !!on))
		return true;
	errno = saved;
	return false;
}

/* TTP delays nothing anyway; but what is corked goes out, and is corked again. */
static bool set_nodelay(int fd, int on)
{
	struct opt *o = NULL;
	struct file *f;
	sigset_t was;

	on = !!on;
	fd_lock(&was);
	f = fd_find_as(fd, ROLE_CONN);
	if (f)
		o = opt_new(&f->opts, IPPROTO_TCP, TCP_NODELAY);
	if (o) {
		o->len = sizeof(on);
		o->told_len = sizeof(on);
		memcpy(o->value, &on, sizeof(on));
		memcpy(o->told, &on, sizeof(on));
	}
	fd_unlock(&was);
	if (o && on && cork_get(fd) > 0) {
		set_cork(fd, 0);
		set_cork(fd, 1);
	}
	return o;
}

/* TCP would take these, so that none has to be asked. */
static bool set_switch(int fd, int name, const void *value, socklen_t len)
{
	int on;

	if ((name != TCP_CORK && name != TCP_NODELAY) || !value ||
	    len < sizeof(on) || !fd_known(fd))
		return false;
	memcpy(&on, value, sizeof(on));
	return name == TCP_CORK ? set_cork(fd, on) : set_nodelay(fd, on);
}

int opts_set(int fd, int level, int name, const void *value, socklen_t len)
{
	struct looks looks;
	int ret;

	if (level == IPPROTO_TCP && set_switch(fd, name, value, len))
		return 0;
	if (fd_known(fd) && looks_get(fd, level, name, &looks))
		return set_conn(fd, &looks, level, name, value, len);
	ret = libc()->setsockopt(fd, level, name, value, len);
	if (!ret && !fd_foreign())
		set_noted(fd, level, name, value, len);
	return ret;
}

/* ---- getsockopt() ---- */

static int give(const void *from, socklen_t from_len, void *value,
		socklen_t *len)
{
	if (*len > from_len)
		*len = from_len;
	memcpy(value, from, *len);
	return 0;
}

static int give_int(int v, void *value, socklen_t *len)
{
	return give(&v, sizeof(v), value, len);
}

static int get_model(int family, int level, int name, void *value,
		     socklen_t *len)
{
	int s = model(family), ret;

	if (s < 0)
		return -1;
	ret = libc()->getsockopt(s, level, name, value, len);
	model_end(s);
	return ret;
}

static int get_tcp(int fd, const struct looks *looks, int name, void *value,
		   socklen_t *len)
{
	static const char congestion[OPT_LEN] = CONGESTION;
	int cork = name == TCP_CORK ? cork_get(fd) : -1;

	if (cork >= 0)
		return give_int(cork, value, len);
	if (name == TCP_INFO)
		return info_tcp(fd, value, len);
	if (name == TCP_MAXSEG && info_mss(fd))
		return give_int(info_mss(fd), value, len);
	if (looks->has_opt)
		return give(looks->opt.told, looks->opt.told_len, value, len);
	if (name == TCP_CONGESTION)
		return give(congestion, sizeof(congestion), value, len);
	return get_model(looks->family, IPPROTO_TCP, name, value, len);
}

static int get_conn(int fd, const struct looks *looks, int level, int name,
		    void *value, socklen_t *len)
{
	if (!len || (!value && *len)) {
		errno = EFAULT;
		return -1;
	}
	if ((int)*len < 0) {
		errno = EINVAL;
		return -1;
	}
	if (level == SOL_TTP)
		return libc()->getsockopt(fd, level, name, value, len);
	if (level == SOL_SOCKET && name == SO_DOMAIN)
		return give_int(looks->family, value, len);
	if (level == SOL_SOCKET && name == SO_PROTOCOL)
		return give_int(IPPROTO_TCP, value, len);
	if (level == SOL_SOCKET && !(name == SO_REUSEPORT && looks->has_opt))
		return libc()->getsockopt(fd, level, name, value, len);
	if (tcp_only_find(level, name)) {
		errno = ENOPROTOOPT;
		return -1;
	}
	if (level == IPPROTO_TCP)
		return get_tcp(fd, looks, name, value, len);
	if (looks->has_opt)
		return give(looks->opt.told, looks->opt.told_len, value, len);
	return get_model(looks->family, level, name, value, len);
}

int opts_get(int fd, int level, int name, void *value, socklen_t *len)
{
	struct looks looks;

	if (fd_known(fd) && looks_get(fd, level, name, &looks))
		return get_conn(fd, &looks, level, name, value, len);
	return libc()->getsockopt(fd, level, name, value, len);
}
