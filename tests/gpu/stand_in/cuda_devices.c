/* Sees and takes what cuda_devices.h says. */
#define _GNU_SOURCE
#include "cuda_devices.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_once_t looked = PTHREAD_ONCE_INIT;
static int count = -1;
static char uuids[VISIBLE_MOST][GPU_UUID];
static gpu_bytes taken[VISIBLE_MOST];

/* The GPU of an index, or the only device whose UUID begins like this. */
static const char *named(const struct gpus *gpus, const char *name) {
  if (strspn(name, "0123456789") == strlen(name)) return *name ? gpus_nth(gpus, NULL, atoi(name)) : NULL;
  const char *found = NULL;
  char uuid[GPU_UUID];
  for (int i = 0; i < gpus->count; i++) {
    if (!gpu_text(gpus->lines[i], "uuid", uuid, sizeof uuid) || strncmp(uuid, name, strlen(name)) != 0) continue;
    if (found != NULL) return NULL;
    found = gpus->lines[i];
  }
  return found;
}

/* CUDA computes on a GPU in slices (MIG) through one of these only: the first, where none is named. */
static const char *first_slice(const struct gpus *gpus, const char *line) {
  char uuid[GPU_UUID];
  gpu_bytes mig = 0;
  gpu_number(line, "mig", &mig);
  return mig && gpu_text(line, "uuid", uuid, sizeof uuid) ? gpus_nth(gpus, uuid, 0) : line;
}

/* False for what hides all that comes after it. */
static bool see(const struct gpus *gpus, const char *line) {
  if (line != NULL) line = first_slice(gpus, line);
  if (line == NULL || count == VISIBLE_MOST) return false;
  char uuid[GPU_UUID] = "";
  gpu_text(line, "uuid", uuid, sizeof uuid);
  for (int i = 0; i < count; i++)
    if (strcmp(uuids[i], uuid) == 0) {
      count = 0;
      return false;
    }
  strcpy(uuids[count++], uuid);
  return true;
}

/* As CUDA's programming guide has it: an unknown device hides those after it, one named twice hides all. */
static void look(void) {
  struct gpus gpus;
  if (!gpus_read(&gpus)) return;
  count = 0;
  const char *visible = getenv("CUDA_VISIBLE_DEVICES");
  if (visible == NULL) {
    for (int i = 0; see(&gpus, gpus_nth(&gpus, NULL, i)); i++);
    return;
  }
  char *names = strdup(visible), *rest = names, *name;
  while ((name = strsep(&rest, ",")) != NULL && see(&gpus, *name ? named(&gpus, name) : NULL));
  free(names);
}

int visible_count(void) {
  pthread_once(&looked, look);
  return count;
}

const char *visible_uuid(int device) { return device >= 0 && device < visible_count() ? uuids[device] : NULL; }

/* One process at a time counts and takes; also within a process, as each open file has a lock of its own. */
static int lock_devices(void) {
  char path[4096];
  if (!gpus_path(path, sizeof path, "lock")) return -1;
  int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock >= 0) flock(lock, LOCK_EX);
  return lock;
}

static bool write_used(int device) {
  char folder[4096], path[4096], new[4096];
  if (!gpus_path(folder, sizeof folder, "used/%s", uuids[device])) return false;
  gpus_path(path, sizeof path, "used/%s/%d", uuids[device], (int)getpid());
  gpus_path(new, sizeof new, "used/%s/.%d", uuids[device], (int)getpid());
  if (taken[device] == 0) return unlink(path) == 0;
  mkdir(folder, 0700);
  FILE *file = fopen(new, "we");
  if (file == NULL) return false;
  fprintf(file, "%llu", taken[device]);
  return fclose(file) == 0 && rename(new, path) == 0;
}

bool take_bytes(int device, gpu_bytes size) {
  struct gpus gpus;
  int lock = lock_devices();
  if (lock < 0) return false;
  const char *line = gpus_read(&gpus) ? gpus_find(&gpus, uuids[device]) : NULL;
  bool room = line != NULL && gpu_free(&gpus, line) >= size;
  if (room) {
    taken[device] += size;
    room = write_used(device);
    if (!room) taken[device] -= size;
  }
  close(lock);
  return room;
}

void give_bytes(int device, gpu_bytes size) {
  int lock = lock_devices();
  taken[device] -= size;
  write_used(device);
  if (lock >= 0) close(lock);
}
