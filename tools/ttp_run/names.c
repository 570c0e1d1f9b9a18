// SPDX-License-Identifier: GPL-2.0
/*
 * Names of sockets, and names of hosts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/ttp.h>

#include "dial.h"
#include "fd.h"
#include "hosts.h"
#include "libc.h"

/* ---- of sockets ---- */

struct name {
	struct sockaddr_storage sa;
	socklen_t len;
};

static bool name_of(int fd, bool peer, struct name *name)
{
	struct file *f;
	sigset_t was;

	fd_lock(&was);
	f = fd_find_as(fd, ROLE_CONN);
	if (f)
		name->len = ip_to_sockaddr(peer ? &f->peer : &f->local,
					   peer ? f->peer_port : f->local_port,
					   f->family, &name->sa);
	fd_unlock(&was);
	return f;
}

static int bad_name(int err)
{
	errno = err;
	return -1;
}

static int check_room(const struct sockaddr *sa, const socklen_t *len)
{
	if (!len || (!sa && *len))
		return bad_name(EFAULT);
	return (int)*len < 0 ? bad_name(EINVAL) : 0;
}

/* One of ours that another process has made, and passed to this one? */
static bool passed(int fd)
{
	struct sockaddr_ttp ttp = { 0 };
	socklen_t len = sizeof(ttp);
	int family, saved = errno;
	bool v4, ours;

	ours = !fd_foreign() &&
	       !libc()->getpeername(fd, (struct sockaddr *)&ttp, &len) &&
	       ttp.sttp_family == AF_TTP && fd_marked(fd, &family, &v4);
	if (ours)
		dial_adopt(fd, &ttp);
	errno = saved;
	return ours;
}

static bool find_name(int fd, bool peer, struct name *name)
{
	return (fd_known(fd) && name_of(fd, peer, name)) ||
	       (passed(fd) && name_of(fd, peer, name));
}

EXPORT int getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct name name;

	if (!find_name(fd, false, &name))
		return libc()->getsockname(fd, sa, len);
	if (check_room(sa, len))
		return -1;
	ip_give(&name.sa, name.len, sa, len);
	return 0;
}

/* The kernel knows whether it is still connected. */
EXPORT int getpeername(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct sockaddr_ttp ttp;
	socklen_t ttp_len = sizeof(ttp);
	struct name name;

	if (!find_name(fd, true, &name))
		return libc()->getpeername(fd, sa, len);
	if (libc()->getpeername(fd, (struct sockaddr *)&ttp, &ttp_len) ||
	    check_room(sa, len))
		return -1;
	ip_give(&name.sa, name.len, sa, len);
	return 0;
}

/* ---- of hosts: an address in place of a name that is in our file ---- */

static bool address_of(const char *name, int family, char *text)
{
	struct host host;

	if (!name || !hosts_by_name(name, family, &host))
		return false;
	ip_bare_text(&host.ip, text);
	return true;
}

/* Whoever asks for the canonical name gets the one in the file. */
static void canonical(struct addrinfo *ai, const char *name)
{
	char *copy;

	if (!ai || !ai->ai_canonname)
		return;
	copy = strdup(name);
	if (!copy)
		return;
	free(ai->ai_canonname);
	ai->ai_canonname = copy;
}

EXPORT int getaddrinfo(const char *node, const char *service,
		       const struct addrinfo *hints, struct addrinfo **res)
{
	int ret, family = hints ? hints->ai_family : AF_UNSPEC;
	char text[IP_STRLEN];

	if ((hints && (hints->ai_flags & AI_NUMERICHOST)) ||
	    !address_of(node, family, text))
		return libc()->getaddrinfo(node, service, hints, res);
	ret = libc()->getaddrinfo(text, service, hints, res);
	if (!ret)
		canonical(*res, node);
	return ret;
}

EXPORT struct hostent *gethostbyname(const char *name)
{
	char text[IP_STRLEN];

	return libc()->gethostbyname(address_of(name, AF_INET, text) ? text :
								       name);
}

EXPORT struct hostent *gethostbyname2(const char *name, int family)
{
	char text[IP_STRLEN];

	return libc()->gethostbyname2(address_of(name, family, text) ? text :
								       name,
				      family);
}

EXPORT int gethostbyname_r(const char *name, struct hostent *ret, char *buf,
			   size_t len, struct hostent **result, int *err)
{
	char text[IP_STRLEN];

	return libc()->gethostbyname_r(address_of(name, AF_INET, text) ? text :
									 name,
				       ret, buf, len, result, err);
}

EXPORT int gethostbyname2_r(const char *name, int family, struct hostent *ret,
			    char *buf, size_t len, struct hostent **result,
			    int *err)
{
	char text[IP_STRLEN];

	return libc()->gethostbyname2_r(address_of(name, family, text) ? text :
									 name,
					family, ret, buf, len, result, err);
}
