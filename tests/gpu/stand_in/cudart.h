/* What the files of the stand-in for CUDA's runtime share. */
#ifndef CUDART_H
#define CUDART_H

#include "cuda_devices.h"

typedef enum {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  MEMORY_ALLOCATION = 2,
  INSUFFICIENT_DRIVER = 35,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  PEER_ACCESS_UNSUPPORTED = 217,
  NOT_SUPPORTED = 801,
} Error;

typedef struct stream {
  unsigned flags;
} *Stream;

#pragma GCC visibility push(hidden)

/* The number of the device that this thread uses. */
int current_device(void);

/* The result of a call, kept for cudaGetLastError if it is an error. */
Error done(Error error);

/* Why this process cannot use the device with this number, if it cannot. */
Error usable(int device);

/* The description of a device, and its line in it, if it is usable. */
Error describe(int device, struct gpus *gpus, const char **line);

#pragma GCC visibility pop

#endif
