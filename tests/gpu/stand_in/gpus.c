/* Reads what gpus.h describes. */
#define _GNU_SOURCE
#include "gpus.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool gpus_path(char *path, size_t size, const char *format, ...) {
  const char *folder = getenv("STANDIN_GPUS");
  if (folder == NULL || *folder == '\0') return false;
  int length = snprintf(path, size, "%s/", folder);
  if (length < 0 || (size_t)length >= size) return false;
  va_list arguments;
  va_start(arguments, format);
  int rest = vsnprintf(path + length, size - length, format, arguments);
  va_end(arguments);
  return rest >= 0 && (size_t)(length + rest) < size;
}

bool gpus_read(struct gpus *gpus) {
  char path[4096];
  gpus->count = 0;
  if (!gpus_path(path, sizeof path, "gpus.txt")) return false;
  FILE *file = fopen(path, "re");
  if (file == NULL) return false;
  while (gpus->count < GPUS_MOST && fgets(gpus->lines[gpus->count], GPU_LINE, file) != NULL) {
    char *line = gpus->lines[gpus->count];
    line[strcspn(line, "\n")] = '\0';
    if (*line != '\0') gpus->count++;
  }
  fclose(file);
  return true;
}

bool gpu_text(const char *line, const char *key, char *value, size_t size) {
  size_t length = strlen(key);
  for (const char *field = line; field != NULL; field = strchr(field, '\t')) {
    if (*field == '\t') field++;
    if (strncmp(field, key, length) != 0 || field[length] != '=') continue;
    field += length + 1;
    int wide = (int)strcspn(field, "\t");
    snprintf(value, size, "%.*s", wide, field);
    return true;
  }
  return false;
}

bool gpu_number(const char *line, const char *key, gpu_bytes *value) {
  char text[32];
  if (!gpu_text(line, key, text, sizeof text)) return false;
  *value = strtoull(text, NULL, 10);
  return true;
}

const char *gpus_find(const struct gpus *gpus, const char *uuid) {
  char found[GPU_UUID];
  for (int i = 0; i < gpus->count; i++)
    if (gpu_text(gpus->lines[i], "uuid", found, sizeof found) && strcmp(found, uuid) == 0) return gpus->lines[i];
  return NULL;
}

const char *gpus_nth(const struct gpus *gpus, const char *of, int number) {
  char whole[GPU_UUID];
  for (int i = 0; i < gpus->count; i++) {
    bool slice = gpu_text(gpus->lines[i], "of", whole, sizeof whole);
    bool wanted = of == NULL ? !slice : slice && strcmp(whole, of) == 0;
    if (wanted && number-- == 0) return gpus->lines[i];
  }
  return NULL;
}

/* A zombie has given back its memory: only its parent has not asked for its exit code yet. */
static bool lives(pid_t pid) {
  char path[64], state = 'X';
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return false;
  char text[512];
  if (fgets(text, sizeof text, file) != NULL) {
    char *name_end = strrchr(text, ')');
    if (name_end != NULL) sscanf(name_end + 1, " %c", &state);
  }
  fclose(file);
  return state != 'Z' && state != 'X';
}

static bool read_used(const char *uuid, pid_t pid, gpu_bytes *used) {
  char path[4096];
  if (!gpus_path(path, sizeof path, "used/%s/%d", uuid, (int)pid)) return false;
  FILE *file = fopen(path, "re");
  if (file == NULL) return false;
  bool read = fscanf(file, "%llu", used) == 1;
  fclose(file);
  return read;
}

int gpu_processes(const char *uuid, struct gpu_process *processes, int room) {
  char path[4096];
  if (!gpus_path(path, sizeof path, "used/%s", uuid)) return 0;
  DIR *folder = opendir(path);
  if (folder == NULL) return 0;
  int count = 0;
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    char *end;
    long pid = strtol(entry->d_name, &end, 10);
    gpu_bytes used;
    if (*end != '\0' || pid <= 0 || !lives(pid) || !read_used(uuid, pid, &used)) continue;
    if (count < room) processes[count] = (struct gpu_process){pid, used};
    count++;
  }
  closedir(folder);
  return count;
}

static gpu_bytes used_of_one(const char *line) {
  char uuid[GPU_UUID] = "";
  gpu_text(line, "uuid", uuid, sizeof uuid);
  struct gpu_process processes[1024];
  int count = gpu_processes(uuid, processes, 1024);
  gpu_bytes used = 0;
  for (int i = 0; i < count && i < 1024; i++) used += processes[i].used;
  return used;
}

gpu_bytes gpu_used(const struct gpus *gpus, const char *line) {
  char uuid[GPU_UUID] = "";
  gpu_text(line, "uuid", uuid, sizeof uuid);
  gpu_bytes used = used_of_one(line);
  const char *slice;
  for (int i = 0; (slice = gpus_nth(gpus, uuid, i)) != NULL; i++) used += used_of_one(slice);
  return used;
}

gpu_bytes gpu_free(const struct gpus *gpus, const char *line) {
  gpu_bytes total = 0, reserved = 0;
  gpu_number(line, "total", &total);
  gpu_number(line, "reserved", &reserved);
  gpu_bytes taken = reserved + gpu_used(gpus, line);
  return taken < total ? total - taken : 0;
}
