/* What one process has to do with the GPUs of gpus.h: which ones it sees, and what it takes of them. */
#ifndef CUDA_DEVICES_H
#define CUDA_DEVICES_H

#include "gpus.h"

#pragma GCC visibility push(hidden)

#define VISIBLE_MOST 16

/* How many devices CUDA_VISIBLE_DEVICES lets this process see; -1 without a driver. The first call decides. */
int visible_count(void);

/* The UUID of a device by the number that it has for this process. */
const char *visible_uuid(int device);

/* Whether the device had room for so many bytes more for this process, which then has them. */
bool take_bytes(int device, gpu_bytes size);

/* Gives back bytes that it took. */
void give_bytes(int device, gpu_bytes size);

#pragma GCC visibility pop

#endif
