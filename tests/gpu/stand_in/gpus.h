/* The GPUs of a machine that has none, as the folder that STANDIN_GPUS names describes them.
 *
 * gpus.txt has one device a line, of fields KEY=VALUE between tabs; machine.py writes it and says what the keys mean.
 * A field that is missing is something that this device cannot tell. A slice of a GPU (MIG) is a line of its own with
 * the field "of", its GPU's UUID. used/UUID/PID holds the bytes that a process takes of a device; it counts for as long
 * as the process lives. All of it is read anew on each call, so that a test can change the machine while programs run.
 */
#ifndef GPUS_H
#define GPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Nobody outside of the library that this is part of can call it. */
#pragma GCC visibility push(hidden)

#define GPUS_MOST 64
#define GPU_LINE 1024
#define GPU_UUID 96

typedef unsigned long long gpu_bytes;

struct gpus {
  int count;
  char lines[GPUS_MOST][GPU_LINE];
};

struct gpu_process {
  pid_t pid;
  gpu_bytes used;
};

/* Whether there is a description; without one there is no driver. */
bool gpus_read(struct gpus *gpus);

/* The line of the device with this UUID, or NULL. */
const char *gpus_find(const struct gpus *gpus, const char *uuid);

/* The line of the number-th slice of the GPU with this UUID, or of the number-th GPU where it is NULL; or NULL. */
const char *gpus_nth(const struct gpus *gpus, const char *of, int number);

/* Whether the device has this field, whose text is written to value. */
bool gpu_text(const char *line, const char *key, char *value, size_t size);

/* The same for a field that is a whole number. */
bool gpu_number(const char *line, const char *key, gpu_bytes *value);

/* The living processes of one device, GPU or slice; at most room of them are written. */
int gpu_processes(const char *uuid, struct gpu_process *processes, int room);

/* What living processes take of a device, slices of it included. */
gpu_bytes gpu_used(const struct gpus *gpus, const char *line);

/* Bytes of a device that nobody takes and that are not reserved. */
gpu_bytes gpu_free(const struct gpus *gpus, const char *line);

/* The path of a file below the folder that STANDIN_GPUS names; false where the variable is not set. */
bool gpus_path(char *path, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#pragma GCC visibility pop

#endif
