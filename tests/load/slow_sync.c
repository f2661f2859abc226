/* Makes every sync of a process take longer, by SLOW_SYNC_US microseconds: put
 * before the C library with LD_PRELOAD. A tracer would stop the process for it
 * and cost more than the disk that is meant. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int slowly(long call, int fd) {
    const char *us = getenv("SLOW_SYNC_US");
    long wait = us ? atol(us) : 0;
    struct timespec pause = { wait / 1000000, wait % 1000000 * 1000 };
    int done = (int)syscall(call, fd);
    nanosleep(&pause, NULL);
    return done;
}

int fsync(int fd) { return slowly(SYS_fsync, fd); }
int fdatasync(int fd) { return slowly(SYS_fdatasync, fd); }
