/* Counts the file operations of a process below one folder and makes one of them fail: for tests, with LD_PRELOAD.

   Every call that changes what a disk holds has a number, from 1 on. Where the number is the one asked for, the call
   fails, or the process dies by SIGKILL. After an fsync, the content of the file (or the entries of the folder) is
   copied to a second folder, so that the state after a power cut can be built from what reached the disk.

   Calls from C's own buffered files (fopen) and from statically linked programs (the ffmpeg of imageio-ffmpeg) are not
   seen: what those write counts as never flushed, until the process that is watched flushes it.

   cc -shared -fPIC -O1 -o failpoints.so shim.c -ldl -lpthread */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* As tests/failpoints/shim.py has them. */
enum mode { OFF, COUNT, FAIL, FULL, DIE, TEAR };

static enum mode mode = OFF;
static long number, target;
static int error_number;
static char root[PATH_MAX], shadow[PATH_MAX];
static size_t root_length;
static int journal = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int is_full;


/* Raw system calls: what this file does itself is never counted. */
static int raw_open(const char *path, int flags, int rights) { return syscall(SYS_openat, AT_FDCWD, path, flags, rights); }
static ssize_t raw_write(int file, const void *data, size_t bytes) { return syscall(SYS_write, file, data, bytes); }
static int raw_rename(const char *old, const char *new) { return syscall(SYS_renameat, AT_FDCWD, old, AT_FDCWD, new); }

/* Writes the whole path of an open file or folder; 0 where it is none. */
static int path_of_descriptor(int file, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, out, PATH_MAX - 1);
    if (length <= 0 || out[0] != '/') return 0;
    out[length] = 0;
    return 1;
}

static int absolute(int folder, const char *path, char *out) {
    char base[PATH_MAX];
    if (path[0] == '/') return snprintf(out, PATH_MAX, "%s", path) < PATH_MAX;
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return 0;
    } else if (!path_of_descriptor(folder, base)) return 0;
    return snprintf(out, PATH_MAX, "%s/%s", base, path) < PATH_MAX;
}

static int is_below(const char *path) {
    return mode != OFF && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

/* The inode and its time of birth: an inode's number alone is used again. */
static int identity(const char *path, char *out, size_t bytes) {
    struct statx facts;
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &facts)) return 0;
    snprintf(out, bytes, "%llu-%lld-%u", (unsigned long long)facts.stx_ino, (long long)facts.stx_btime.tv_sec,
             facts.stx_btime.tv_nsec);
    return S_ISDIR(facts.stx_mode) ? 'd' : S_ISLNK(facts.stx_mode) ? 'l' : 'f';
}

static void note_entries(const char *path, int out) {
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        char child[PATH_MAX], name[96], line[PATH_MAX];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        int kind = identity(child, name, sizeof name);
        if (!kind) continue;
        raw_write(out, line, snprintf(line, sizeof line, "%c %s %s\n", kind, name, entry->d_name));
    }
    if (folder) closedir(folder);
}

static void note_content(const char *path, int out) {
    char data[65536];
    ssize_t got;
    int in = raw_open(path, O_RDONLY | O_CLOEXEC, 0);
    while (in >= 0 && (got = read(in, data, sizeof data)) > 0) raw_write(out, data, got);
    if (in >= 0) close(in);
}

/* Copies what a file or folder holds now: it has reached the disk. */
static void note_flushed(const char *path) {
    char name[96], draft[PATH_MAX + 128], final[PATH_MAX + 128];
    int kind = identity(path, name, sizeof name);
    if (!kind || !shadow[0]) return;
    snprintf(draft, sizeof draft, "%s/draft", shadow);
    snprintf(final, sizeof final, "%s/%s", shadow, name);
    int out = raw_open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0) return;
    if (kind == 'd') note_entries(path, out);
    else note_content(path, out);
    close(out);
    raw_rename(draft, final);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* What becomes of one call: it is done, it fails (errno is set), or only half of it is done. */
enum fate { GO, REFUSE, HALF };

static enum fate next(const char *kind, const char *path, const char *second, int takes_space, size_t bytes) {
    enum fate fate = GO;
    char line[2 * PATH_MAX];
    pthread_mutex_lock(&lock);
    number++;
    if (journal >= 0)
        raw_write(journal, line, snprintf(line, sizeof line, "%ld\t%s\t%zu\t%s\t%s\n", number, kind, bytes,
                                          path + root_length, second ? second + root_length : ""));
    if (mode == DIE && number == target) die();
    if (mode == FAIL && number == target) fate = REFUSE;
    if (mode == TEAR && number == target) fate = bytes > 1 ? HALF : GO;
    if (mode == TEAR && number > target) die();
    if (mode == FULL && number >= target && takes_space) {
        fate = !is_full && bytes > 1 ? HALF : REFUSE;
        is_full = 1;
    }
    pthread_mutex_unlock(&lock);
    if (fate == REFUSE) errno = mode == FULL ? ENOSPC : error_number;
    return fate;
}

/* In TEAR mode the process dies with the half that it wrote. */
static void after_half(void) {
    if (mode == TEAR) die();
}

/* What Python calls. */

/* Says where the journal and the copies of what is flushed go. */
void failpoints_copies(const char *copies) { snprintf(shadow, sizeof shadow, "%s", copies); }

/* Begins to count below `folder`; see the top of the file. */
void failpoints_begin(const char *folder, int new_mode, long at, int error) {
    char path[PATH_MAX + 16];
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    snprintf(path, sizeof path, "%s/journal", shadow);
    journal = raw_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    number = 0, target = at, error_number = error, is_full = 0;
    mode = new_mode;
}

/* Says that a file or folder is on the disk as it is. */
void failpoints_note(const char *path) { note_flushed(path); }

/* Writes the name under which copies of a file or folder are kept; returns d, l or f, 0 for an error. */
int failpoints_identity(const char *path, char *out, size_t bytes) { return identity(path, out, bytes); }

/* The calls. */

static int opened(int folder, const char *path, int flags, const char *kind) {
    char whole[PATH_MAX];
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    if (mode == OFF || !writes || !absolute(folder, path, whole) || !is_below(whole)) return 0;
    int exists = !faccessat(AT_FDCWD, whole, F_OK, AT_SYMLINK_NOFOLLOW);
    if (exists && !(flags & O_TRUNC)) kind = "open";
    else kind = exists ? "open+truncate" : "create";
    return next(kind, whole, NULL, !exists, 0) == REFUSE;
}

#define RIGHTS \
    mode_t rights = 0; \
    if (flags & (O_CREAT | __O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        rights = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) {
    RIGHTS
    return opened(AT_FDCWD, path, flags, "open") ? -1 : raw_open(path, flags, rights);
}
int open64(const char *path, int flags, ...) {
    RIGHTS
    return opened(AT_FDCWD, path, flags, "open") ? -1 : raw_open(path, flags | O_LARGEFILE, rights);
}
int openat(int folder, const char *path, int flags, ...) {
    RIGHTS
    return opened(folder, path, flags, "open") ? -1 : syscall(SYS_openat, folder, path, flags, rights);
}
int openat64(int folder, const char *path, int flags, ...) {
    RIGHTS
    return opened(folder, path, flags, "open") ? -1 : syscall(SYS_openat, folder, path, flags, rights);
}
int creat(const char *path, mode_t rights) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, rights); }
int creat64(const char *path, mode_t rights) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, rights); }

static enum fate written(int file, size_t bytes) {
    char path[PATH_MAX];
    if (mode == OFF || file <= 2 || !path_of_descriptor(file, path) || !is_below(path)) return GO;
    return next("write", path, NULL, 1, bytes);
}

ssize_t write(int file, const void *data, size_t bytes) {
    enum fate fate = written(file, bytes);
    if (fate == REFUSE) return -1;
    ssize_t done = raw_write(file, data, fate == HALF ? bytes / 2 : bytes);
    if (fate == HALF) after_half();
    return done;
}
ssize_t pwrite(int file, const void *data, size_t bytes, off_t at) {
    enum fate fate = written(file, bytes);
    if (fate == REFUSE) return -1;
    ssize_t done = syscall(SYS_pwrite64, file, data, fate == HALF ? bytes / 2 : bytes, at);
    if (fate == HALF) after_half();
    return done;
}
ssize_t pwrite64(int file, const void *data, size_t bytes, off64_t at) { return pwrite(file, data, bytes, at); }
ssize_t writev(int file, const struct iovec *parts, int count) {
    enum fate fate = written(file, count > 0 ? parts[0].iov_len : 0);
    if (fate == REFUSE) return -1;
    if (fate == GO) return syscall(SYS_writev, file, parts, count);
    ssize_t done = raw_write(file, parts[0].iov_base, parts[0].iov_len / 2);
    after_half();
    return done;
}
ssize_t sendfile(int out, int in, off_t *at, size_t bytes) {
    enum fate fate = written(out, bytes);
    if (fate == REFUSE) return -1;
    ssize_t done = syscall(SYS_sendfile, out, in, at, fate == HALF && bytes < 1 << 20 ? bytes / 2 : bytes);
    if (fate == HALF) after_half();
    return done;
}
ssize_t sendfile64(int out, int in, off64_t *at, size_t bytes) { return sendfile(out, in, at, bytes); }
ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t bytes, unsigned flags) {
    if (written(out, 0) == REFUSE) return -1;
    return syscall(SYS_copy_file_range, in, in_at, out, out_at, bytes, flags);
}

/* Nothing is flushed in truth below the folder: what matters is what the copies hold, and disks are slow. */
static int flush(int file, long call) {
    char path[PATH_MAX];
    if (mode == OFF || !path_of_descriptor(file, path) || !is_below(path)) return syscall(call, file);
    struct stat facts;
    int is_folder = !fstat(file, &facts) && S_ISDIR(facts.st_mode);
    if (next(is_folder ? "fsync folder" : "fsync", path, NULL, 0, 0) == REFUSE) return -1;
    pthread_mutex_lock(&lock);
    note_flushed(path);
    pthread_mutex_unlock(&lock);
    return 0;
}
int fsync(int file) { return flush(file, SYS_fsync); }
int fdatasync(int file) { return flush(file, SYS_fdatasync); }

static int is_refused(const char *kind, int folder, const char *path, int takes_space) {
    char whole[PATH_MAX];
    if (mode == OFF || !absolute(folder, path, whole) || !is_below(whole)) return 0;
    return next(kind, whole, NULL, takes_space, 0) == REFUSE;
}
static int is_pair_refused(const char *kind, int old_folder, const char *old, int folder, const char *path, int space) {
    char source[PATH_MAX], whole[PATH_MAX];
    if (mode == OFF || !absolute(folder, path, whole) || !is_below(whole)) return 0;
    if (!absolute(old_folder, old, source) || !is_below(source)) return next(kind, whole, NULL, space, 0) == REFUSE;
    return next(kind, source, whole, space, 0) == REFUSE;
}

int renameat2(int old_folder, const char *old, int folder, const char *path, unsigned flags) {
    if (is_pair_refused("rename", old_folder, old, folder, path, 0)) return -1;
    return syscall(SYS_renameat2, old_folder, old, folder, path, flags);
}
int renameat(int old_folder, const char *old, int folder, const char *path) {
    return renameat2(old_folder, old, folder, path, 0);
}
int rename(const char *old, const char *path) { return renameat2(AT_FDCWD, old, AT_FDCWD, path, 0); }

int linkat(int old_folder, const char *old, int folder, const char *path, int flags) {
    if (is_pair_refused("link", old_folder, old, folder, path, 1)) return -1;
    return syscall(SYS_linkat, old_folder, old, folder, path, flags);
}
int link(const char *old, const char *path) { return linkat(AT_FDCWD, old, AT_FDCWD, path, 0); }

int symlinkat(const char *old, int folder, const char *path) {
    if (is_refused("symlink", folder, path, 1)) return -1;
    return syscall(SYS_symlinkat, old, folder, path);
}
int symlink(const char *old, const char *path) { return symlinkat(old, AT_FDCWD, path); }

int unlinkat(int folder, const char *path, int flags) {
    if (is_refused(flags & AT_REMOVEDIR ? "rmdir" : "unlink", folder, path, 0)) return -1;
    return syscall(SYS_unlinkat, folder, path, flags);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int folder, const char *path, mode_t rights) {
    if (is_refused("mkdir", folder, path, 1)) return -1;
    return syscall(SYS_mkdirat, folder, path, rights);
}
int mkdir(const char *path, mode_t rights) { return mkdirat(AT_FDCWD, path, rights); }

int truncate(const char *path, off_t bytes) {
    if (is_refused("truncate", AT_FDCWD, path, 0)) return -1;
    return syscall(SYS_truncate, path, bytes);
}
int truncate64(const char *path, off64_t bytes) { return truncate(path, bytes); }
int ftruncate(int file, off_t bytes) {
    char path[PATH_MAX];
    if (mode != OFF && path_of_descriptor(file, path) && is_below(path) &&
        next("truncate", path, NULL, 0, 0) == REFUSE)
        return -1;
    return syscall(SYS_ftruncate, file, bytes);
}
int ftruncate64(int file, off64_t bytes) { return ftruncate(file, bytes); }
