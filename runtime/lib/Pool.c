/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A session's threads.
 *
 * A run of a network is hundreds of short launches one after the other, so the
 * cost that matters is from the end of one to the start of the next on all
 * threads. Every worker has a ticket of its own, on its own cache line: the
 * caller raises the tickets of exactly the workers that take part, and small
 * launches leave the others asleep. Workers spin on their ticket for up to a
 * millisecond, which covers the gap between two launches, then sleep in
 * futex(2). The caller waits for the number of unfinished shares to reach zero
 * in the same way.
 *
 * Each launch is divided into contiguous shares beforehand. Which thread
 * computes an index has no influence on its value, so results do not depend on
 * the number of threads.
 */
#include "Internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#else
#define PAUSE() ((void)0)
#endif

/* Iterations of `pause`, 40 to 140 cycles each: half a millisecond to one. It
 * must be well above what waking a thread takes, which on a virtual machine
 * with halted CPUs is up to 100 microseconds: with less, the caller falls
 * asleep while the worker wakes, the worker while the caller does, and every
 * launch pays for two wake-ups (measured: 80 microseconds for a launch instead
 * of 0.4). */
enum { SpinIterations = 20000 };

/* After a microsecond or two the spinner offers its CPU: the scheduler may have
 * put the thread that it waits for on the same one (measured: 1 ms for a launch
 * where it did, as each spins while the other would work). */
enum { PausesPerYield = 50 };

typedef struct Worker {
  /* Number of jobs given to this worker so far; the worker waits for it to
   * differ from the number of jobs that it has done. */
  _Alignas(128) atomic_uint ticket;
  /* 1 while the worker is in futex(2) or about to enter it. */
  atomic_uint isAsleep;
  uint32_t index; /* share that the worker computes, from 1 */
  QcrtPool *pool;
  pthread_t thread;
} Worker;

struct QcrtPool {
  /* The job: written by the caller before it raises tickets, read by workers
   * after they see theirs raised. A NULL kernel ends the worker. */
  QcKernelFunction kernel;
  void *const *arguments;
  uint64_t extent;
  uint32_t shares;

  uint32_t threads;
  uint32_t spinIterations;
  /* Shares that workers have not finished. */
  _Alignas(128) atomic_uint pending;
  atomic_uint isCallerAsleep;
  Worker *workers; /* threads - 1 */
};

static void futexWait(atomic_uint *word, unsigned expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futexWake(atomic_uint *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Waits until `word` differs from `value`: spinning first, then asleep. The
 * sleeper announces itself before it looks again, and the waker changes the
 * word before it looks for sleepers; both are sequentially consistent, so one
 * of the two sees the other. */
static void waitWhileEqual(atomic_uint *word, unsigned value,
                           atomic_uint *isAsleep, uint32_t spinIterations) {
  for (uint32_t i = 0; i < spinIterations; ++i) {
    if (atomic_load_explicit(word, memory_order_acquire) != value)
      return;
    if (i % PausesPerYield == PausesPerYield - 1)
      sched_yield();
    else
      PAUSE();
  }
  atomic_store(isAsleep, 1);
  while (atomic_load(word) == value)
    futexWait(word, value);
  atomic_store(isAsleep, 0);
}

static void *workerMain(void *argument) {
  Worker *worker = argument;
  QcrtPool *pool = worker->pool;
  qcrtFloatEnvironmentEnter();
  for (unsigned done = 0;; ++done) {
    waitWhileEqual(&worker->ticket, done, &worker->isAsleep,
                   pool->spinIterations);
    if (!pool->kernel)
      return NULL;
    int64_t begin = qcrtShareBegin(pool->extent, pool->shares, worker->index);
    int64_t end = qcrtShareBegin(pool->extent, pool->shares, worker->index + 1);
    pool->kernel(pool->arguments, begin, end);
    if (atomic_fetch_sub(&pool->pending, 1) == 1 &&
        atomic_load(&pool->isCallerAsleep))
      futexWake(&pool->pending);
  }
}

static void raiseTicket(Worker *worker) {
  atomic_fetch_add(&worker->ticket, 1);
  if (atomic_load(&worker->isAsleep))
    futexWake(&worker->ticket);
}

void qcrtPoolRun(QcrtPool *pool, QcKernelFunction kernel,
                 void *const *arguments, uint64_t extent, uint32_t shares) {
  pool->kernel = kernel;
  pool->arguments = arguments;
  pool->extent = extent;
  pool->shares = shares;
  atomic_store(&pool->pending, shares - 1);
  for (uint32_t i = 0; i + 1 < shares; ++i)
    raiseTicket(&pool->workers[i]);
  kernel(arguments, 0, qcrtShareBegin(extent, shares, 1));
  for (unsigned left;
       (left = atomic_load_explicit(&pool->pending, memory_order_acquire));)
    waitWhileEqual(&pool->pending, left, &pool->isCallerAsleep,
                   pool->spinIterations);
}

/* Ends the first `count` workers, which must be idle. */
static void endWorkers(QcrtPool *pool, uint32_t count) {
  pool->kernel = NULL;
  for (uint32_t i = 0; i < count; ++i)
    raiseTicket(&pool->workers[i]);
  for (uint32_t i = 0; i < count; ++i)
    pthread_join(pool->workers[i].thread, NULL);
}

QcrtStatus qcrtPoolCreate(uint32_t threads, QcrtPool **result,
                          QcrtError *error) {
  QcrtPool *pool = aligned_alloc(128, sizeof(QcrtPool));
  Worker *workers = aligned_alloc(128, (threads - 1) * sizeof(Worker));
  if (!pool || !workers) {
    free(pool);
    free(workers);
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "no memory for %u threads",
                    threads);
  }
  memset(pool, 0, sizeof *pool);
  memset(workers, 0, (threads - 1) * sizeof(Worker));
  pool->workers = workers;
  pool->threads = threads;
  pool->spinIterations = SpinIterations;
  /* With fewer CPUs than threads, who spins keeps another from working. */
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 &&
      (uint32_t)CPU_COUNT(&allowed) < threads)
    pool->spinIterations = 0;

  /* Signals are the application's: none is delivered on a worker. */
  sigset_t all, previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  int code = 0;
  uint32_t started = 0;
  for (; started + 1 < threads; ++started) {
    Worker *worker = &workers[started];
    worker->pool = pool;
    worker->index = started + 1;
    code = pthread_create(&worker->thread, NULL, workerMain, worker);
    if (code)
      break;
  }
  pthread_sigmask(SIG_SETMASK, &previous, NULL);
  if (code) {
    endWorkers(pool, started);
    free(workers);
    free(pool);
    return qcrtFail(error, QCRT_THREAD_ERROR,
                    "cannot create thread %u of %u: %s", started + 2, threads,
                    strerror(code));
  }
  *result = pool;
  return QCRT_OK;
}

void qcrtPoolFree(QcrtPool *pool) {
  if (!pool)
    return;
  endWorkers(pool, pool->threads - 1);
  free(pool->workers);
  free(pool);
}

uint32_t qcrtPoolThreads(const QcrtPool *pool) {
  return pool ? pool->threads : 1;
}
