// SPDX-License-Identifier: GPL-2.0
/*
 * The table of file descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "libc.h"

struct file **fd_slots;
unsigned char *fd_settled_at;
int fd_listeners;
int fd_end;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sigset_t fork_mask;
static pid_t owner;
/* Entries that may be used again */
static struct file *dead;
/* Of whoever holds the lock */
static int cancel_was;

/* ---- whose table it is ---- */

/*
 * A word that the kernel clears in whoever gets a copy of our memory, by whatever
 * call: fork() tells us, clone() and _Fork() do not. Who shares the memory, as
 * after vfork(), finds it as it is.
 */
enum { FRESH, TAKING, TAKEN };
static int *copied_memory;

/*
 * The table is this process's now. The thread that held the lock, if another one
 * did, is not here; what it was about to do is whole up to the last write.
 */
static void take_table(void)
{
	pthread_mutex_t unlocked = PTHREAD_MUTEX_INITIALIZER;

	lock = unlocked;
	owner = getpid();
	if (copied_memory)
		__atomic_store_n(copied_memory, TAKEN, __ATOMIC_RELEASE);
}

bool fd_foreign(void)
{
	int was = FRESH;

	if (getpid() == owner)
		return false;
	if (!copied_memory ||
	    __atomic_load_n(copied_memory, __ATOMIC_ACQUIRE) == TAKEN)
		return getpid() != owner;
	if (__atomic_compare_exchange_n(copied_memory, &was, TAKING, false,
					__ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
		take_table();
	/* Another thread of this process does it. */
	while (__atomic_load_n(copied_memory, __ATOMIC_ACQUIRE) != TAKEN)
		sched_yield();
	return false;
}

void fd_lock(sigset_t *was)
{
	sigset_t all;
	int cancel;

	/* A thread that is cancelled in close() would take the lock with it. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, was);
	pthread_mutex_lock(&lock);
	cancel_was = cancel;
}

void fd_unlock(const sigset_t *was)
{
	int cancel = cancel_was;

	pthread_mutex_unlock(&lock);
	pthread_sigmask(SIG_SETMASK, was, NULL);
	pthread_setcancelstate(cancel, NULL);
}

static void before_fork(void)
{
	sigset_t was;

	fd_lock(&was);
	fork_mask = was;
}

static void after_fork(void)
{
	sigset_t was = fork_mask;

	fd_unlock(&was);
}

static void in_child(void)
{
	sigset_t was = fork_mask;

	take_table();
	pthread_mutex_lock(&lock);
	fd_unlock(&was);
}

static void watch_memory(void)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	void *room = mmap(NULL, page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		return;
	if (madvise(room, page, MADV_WIPEONFORK)) {
		munmap(room, page);
		return;
	}
	copied_memory = room;
	*copied_memory = TAKEN;
}

int fd_init(void)
{
	const size_t each = sizeof(*fd_slots) + sizeof(*fd_settled_at);
	void *room;

	/* An allocator's handlers of fork() have to be older than ours. */
	free(malloc(1));
	/* Pages that nobody looks at cost nothing. */
	room = mmap(NULL, FD_MAX * each, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return -1;
	fd_slots = room;
	fd_settled_at = (unsigned char *)(fd_slots + FD_MAX);
	owner = getpid();
	watch_memory();
	return pthread_atfork(before_fork, after_fork, in_child);
}

/* ---- entries ---- */

static void slot_set(int fd, struct file *f)
{
	if (f && fd >= fd_end)
		fd_end = fd + 1;
	fd_settle(fd, false);
	__atomic_store_n(&fd_slots[fd], f, __ATOMIC_RELAXED);
}

static struct file *slot_get(int fd)
{
	if (fd < 0 || fd >= FD_MAX)
		return NULL;
	return __atomic_load_n(&fd_slots[fd], __ATOMIC_RELAXED);
}

static void watches_free(struct file *f)
{
	struct watch *w;

	while ((w = f->watches)) {
		f->watches = w->next;
		free(w);
	}
}

/*
 * close() may be called by a signal handler, free() may not: what hangs on a dead
 * entry is freed when it is used again.
 */
static void file_put(struct file *f)
{
	if (--f->numbers)
		return;
	if (f->role == ROLE_LISTENER)
		__atomic_sub_fetch(&fd_listeners, 1, __ATOMIC_RELAXED);
	f->role = ROLE_PLAIN;
	if (f->both >= 0)
		fd_unhide(&f->both);
	if (f->shadow >= 0)
		fd_unhide(&f->shadow);
	f->dead = dead;
	dead = f;
}

static struct file *file_new(void)
{
	struct file *f = dead;

	if (!f)
		return calloc(1, sizeof(*f));
	dead = f->dead;
	watches_free(f);
	opts_free(&f->opts);
	memset(f, 0, sizeof(*f));
	return f;
}

/* The number will be another one's: nobody watches this file by it any more. */
static void number_forget(struct file *f, int fd)
{
	struct watch *w;

	for (w = f->watches; w; w = w->next)
		if (w->fd == fd)
			w->epfd = WATCH_FREE;
}

/* The number will be another one's: an epoll instance watches nothing more. */
static void epoll_forget(int epfd)
{
	struct watch *w;
	struct file *f;
	int fd;

	for (fd = 0; fd < fd_end; fd++) {
		f = slot_get(fd);
		for (w = f ? f->watches : NULL; w; w = w->next)
			if (w->epfd == epfd)
				w->epfd = WATCH_FREE;
	}
}

void fd_forget(int fd)
{
	struct file *f = slot_get(fd);

	if (!f)
		return;
	slot_set(fd, NULL);
	if (f->role == ROLE_HIDDEN && f->where && *f->where == fd)
		*f->where = -1;
	if (f->role == ROLE_EPOLL)
		epoll_forget(fd);
	number_forget(f, fd);
	file_put(f);
}

struct file *fd_find(int fd)
{
	struct file *f = slot_get(fd);
	struct stat st;

	if (!f)
		return NULL;
	if (!fstat(fd, &st) && st.st_dev == f->dev && st.st_ino == f->ino)
		return f;
	fd_forget(fd);
	return NULL;
}

struct file *fd_find_as(int fd, enum role role)
{
	struct file *f = fd_find(fd);

	return f && f->role == role ? f : NULL;
}

struct file *fd_add(int fd, enum role role, int family)
{
	struct stat st = { 0 };
	struct file *f;

	if (!fd_slots || fd < 0 || fd >= FD_MAX)
		return NULL;
	fd_forget(fd);
	f = file_new();
	if (!f)
		return NULL;
	fstat(fd, &st);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->role = role;
	f->family = family;
	f->shadow = -1;
	f->both = -1;
	f->numbers = 1;
	slot_set(fd, f);
	return f;
}

void fd_same(int from, int to)
{
	struct file *f = fd_find(from);

	if (from == to || to < 0 || to >= FD_MAX)
		return;
	fd_forget(to);
	if (!f || f->role == ROLE_HIDDEN)
		return;
	f->numbers++;
	slot_set(to, f);
}

/* Nobody waits for it long; EBUSY: another thread is just opening the number */
static int put_over(int other, int fd)
{
	int cloexec = libc()->fcntl(fd, F_GETFD) & FD_CLOEXEC, ret;

	do
		ret = libc()->dup3(other, fd, cloexec ? O_CLOEXEC : 0);
	while (ret < 0 && (errno == EBUSY || errno == EINTR));
	return ret;
}

int fd_become(struct file *f, int fd, int other, enum role role)
{
	struct stat st = { 0 };
	int n;

	if (put_over(other, fd) < 0)
		return -1;
	fd_settle(fd, role == ROLE_CONN);
	/* What cannot be had stays what it is, and is no business of ours. */
	for (n = 0; f->numbers > 1 && n < fd_end; n++) {
		if (n == fd || slot_get(n) != f || !fd_find(n))
			continue;
		if (put_over(other, n) < 0)
			fd_forget(n);
		else
			fd_settle(n, role == ROLE_CONN);
	}
	fstat(other, &st);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	__atomic_store_n(&f->role, role, __ATOMIC_RELAXED);
	return 0;
}

void fd_listens(struct file *f)
{
	if (f->role == ROLE_LISTENER)
		return;
	f->role = ROLE_LISTENER;
	__atomic_add_fetch(&fd_listeners, 1, __ATOMIC_RELAXED);
}

struct file *fd_find_twin(uint16_t port)
{
	struct file *f;
	int fd;

	for (fd = 0; fd < fd_end; fd++) {
		f = slot_get(fd);
		if (f && f->role == ROLE_LISTENER && f->shadow >= 0 &&
		    f->v6_only && f->local_port == port)
			return f;
	}
	return NULL;
}

struct file *fd_find_sibling(int family, const struct ip *ip,
			     const struct sockaddr_ttp *ttp)
{
	struct file *f;
	int fd;

	for (fd = 0; fd < fd_end; fd++) {
		f = slot_get(fd);
		if (f && f->role == ROLE_LISTENER && f->family == family &&
		    f->local_port == ttp->sttp_port && ip_same(&f->local, ip) &&
		    f->ttp.sttp_ifindex == ttp->sttp_ifindex &&
		    fd_still_hidden(&f->shadow) >= 0)
			return f;
	}
	return NULL;
}

/* ---- hidden descriptors ---- */

/*
 * Numbers are given out from below; half way up hardly anybody comes. Far higher
 * would cost the kernel a table of that size, and select() has no room for more.
 */
static int high_number(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	return limit.rlim_cur / 2 < FD_SETSIZE ? limit.rlim_cur / 2 :
						 FD_SETSIZE;
}

static int hide_at_all(int *where)
{
	struct file *f;
	int fd;

	fd = libc()->fcntl(*where, F_DUPFD_CLOEXEC, high_number());
	if (fd < 0)
		fd = libc()->fcntl(*where, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (!(libc()->fcntl(*where, F_GETFD) & FD_CLOEXEC))
		libc()->fcntl(fd, F_SETFD, 0);
	f = fd_add(fd, ROLE_HIDDEN, 0);
	if (!f) {
		libc()->close(fd);
		return -1;
	}
	f->where = where;
	return fd;
}

void fd_hide(int *where)
{
	int fd = hide_at_all(where);

	/* Better in sight than not at all */
	if (fd < 0)
		return;
	libc()->close(*where);
	*where = fd;
}

void fd_unhide(int *where)
{
	int fd = *where;
	bool lost;

	if (fd < 0)
		return;
	/* Closed behind our back, the number is another one's now. */
	lost = slot_get(fd) && !fd_find_as(fd, ROLE_HIDDEN);
	*where = -1;
	if (lost)
		return;
	fd_forget(fd);
	libc()->close(fd);
}

int fd_still_hidden(const int *where)
{
	/* One in sight has no slot; one that is gone is forgotten by the look. */
	if (*where >= 0 && slot_get(*where))
		fd_find(*where);
	return *where;
}

void fd_make_way(int fd)
{
	struct file *f = slot_get(fd);
	int *where;

	if (!f || f->role != ROLE_HIDDEN)
		return;
	where = f->where;
	fd_forget(fd);
	*where = fd;
	*where = hide_at_all(where);
}

/* ---- marks ---- */

void fd_mark(int fd, int family, bool v4)
{
	int mark = family == AF_INET ? 0 : v4 ? 1 : 2;

	if (!(libc()->fcntl(fd, F_GETFL) & O_ASYNC))
		libc()->fcntl(fd, F_SETSIG, SIGRTMAX - mark);
}

bool fd_marked(int fd, int *family, bool *v4)
{
	int mark = SIGRTMAX - libc()->fcntl(fd, F_GETSIG);

	*family = mark ? AF_INET6 : AF_INET;
	*v4 = mark < 2;
	return mark >= 0 && mark <= 2;
}

/* ---- questions ---- */

static int sock_int(int fd, int option)
{
	socklen_t len = sizeof(int);
	int value;

	if (libc()->getsockopt(fd, SOL_SOCKET, option, &value, &len))
		return -1;
	return value;
}

int fd_stream(int fd)
{
	int family = sock_int(fd, SO_DOMAIN);

	if (family != AF_INET && family != AF_INET6)
		return 0;
	if (sock_int(fd, SO_TYPE) != SOCK_STREAM ||
	    sock_int(fd, SO_PROTOCOL) != IPPROTO_TCP)
		return 0;
	return family;
}
