/* What the files of the stand-in for NVML share. */
#ifndef NVML_H
#define NVML_H

#include "gpus.h"

enum {
  SUCCESS = 0,
  UNINITIALIZED = 1,
  INVALID_ARGUMENT = 2,
  NOT_SUPPORTED = 3,
  NOT_FOUND = 6,
  INSUFFICIENT_SIZE = 7,
  DRIVER_NOT_LOADED = 9,
  GPU_IS_LOST = 15,
  ARGUMENT_VERSION_MISMATCH = 25,
};

typedef struct handle {
  char uuid[GPU_UUID];
} *Device;

#pragma GCC visibility push(hidden)

/* The handle of a device; it outlives what it stands for, and is the same for the same device. */
int handle_of(const char *line, Device *device);

/* The description, once the library is in use. */
int look(struct gpus *gpus);

/* The same, and the line of a device in it. */
int find(Device device, struct gpus *gpus, const char **line);

/* A figure of a device. */
int number(Device device, const char *key, gpu_bytes *value);
int number_uint(Device device, const char *key, unsigned *value);

#pragma GCC visibility pop

#endif
