/* Two commands in turn, A B A B …, as whole processes:
 *
 *   compare RUNS A [ARG…] -- B [ARG…]
 *
 * Prints the median wall time and CPU time of each in milliseconds, the largest resident memory in
 * MB, and the ratios A/B. Their output is dropped. Without B it prints A alone. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { MAX_RUNS = 200 };

typedef struct figures {
  double wall[MAX_RUNS], cpu[MAX_RUNS];
  double memory;
} figures;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static double ms_of(struct timeval t) {
  return (double)t.tv_sec * 1e3 + (double)t.tv_usec * 1e-3;
}

static void run(char **argv, figures *f, int i) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  double start = now();
  pid_t pid;
  int status;
  struct rusage usage;
  if (posix_spawnp(&pid, argv[0], &files, NULL, argv, environ) != 0 ||
      wait4(pid, &status, 0, &usage) < 0 || status != 0) {
    fprintf(stderr, "compare: %s failed\n", argv[0]);
    exit(1);
  }
  posix_spawn_file_actions_destroy(&files);
  if (i < 0) return;  // the warm-up
  f->wall[i] = now() - start;
  f->cpu[i] = ms_of(usage.ru_utime) + ms_of(usage.ru_stime);
  double memory = (double)usage.ru_maxrss / 1024;
  if (memory > f->memory) f->memory = memory;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, int n) {
  qsort(values, (size_t)n, sizeof *values, by_value);
  return values[n / 2];
}

int main(int argc, char **argv) {
  int runs = argc > 2 ? atoi(argv[1]) : 0;
  if (runs < 1 || runs > MAX_RUNS) {
    fprintf(stderr, "usage: compare RUNS A [ARG…] [-- B [ARG…]]\n");
    return 2;
  }
  char **a = argv + 2, **b = NULL;
  for (char **at = a; *at != NULL && b == NULL; at++) {
    if (strcmp(*at, "--") != 0) continue;
    *at = NULL;
    b = at + 1;
  }
  static figures fa, fb;
  for (int i = -1; i < runs; i++) {
    run(a, &fa, i);
    if (b != NULL) run(b, &fb, i);
  }
  double wall = median(fa.wall, runs), cpu = median(fa.cpu, runs);
  printf("wall %.1f ms, CPU %.1f ms, memory %.1f MB", wall, cpu, fa.memory);
  if (b != NULL) {
    double rival_wall = median(fb.wall, runs), rival_cpu = median(fb.cpu, runs);
    printf("; rival wall %.1f ms, CPU %.1f ms, memory %.1f MB; ratio wall %.2f, CPU %.2f",
           rival_wall, rival_cpu, fb.memory, wall / rival_wall, cpu / rival_cpu);
  }
  putchar('\n');
  return 0;
}
