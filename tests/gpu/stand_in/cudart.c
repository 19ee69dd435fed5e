/* The calls of CUDA's runtime that Triton and its Python backend make, for LD_PRELOAD: device memory is host memory that
 * nobody has touched, and is accounted for as the driver would (cuda_devices.h).
 *
 * Signatures, structures and error numbers are those of CUDA 12. What is not here, kernels for one, is left to NVIDIA's
 * own library, which says that there is no driver.
 */
#define _GNU_SOURCE
#include "cudart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local int current;
static _Thread_local Error last;

Error done(Error error) {
  if (error != SUCCESS) last = error;
  return error;
}

Error usable(int device) {
  int count = visible_count();
  if (count < 0) return INSUFFICIENT_DRIVER;
  if (count == 0) return NO_DEVICE;
  return device >= 0 && device < count ? SUCCESS : INVALID_DEVICE;
}

Error describe(int device, struct gpus *gpus, const char **line) {
  Error error = usable(device);
  if (error != SUCCESS) return error;
  *line = gpus_read(gpus) ? gpus_find(gpus, visible_uuid(device)) : NULL;
  return *line == NULL ? INVALID_DEVICE : SUCCESS;
}

int current_device(void) { return current; }

/* --- errors */

const char *cudaGetErrorString(Error error) {
  switch (error) {
    case SUCCESS: return "no error";
    case INVALID_VALUE: return "invalid argument";
    case MEMORY_ALLOCATION: return "out of memory";
    case INSUFFICIENT_DRIVER: return "CUDA driver version is insufficient for CUDA runtime version";
    case NO_DEVICE: return "no CUDA-capable device is detected";
    case INVALID_DEVICE: return "invalid device ordinal";
    case PEER_ACCESS_UNSUPPORTED: return "peer access is not supported between these two devices";
    case NOT_SUPPORTED: return "operation not supported";
  }
  return "unrecognized error code";
}

Error cudaGetLastError(void) {
  Error error = last;
  last = SUCCESS;
  return error;
}

/* --- devices */

Error cudaGetDeviceCount(int *count) {
  Error error = usable(0);
  *count = error == SUCCESS ? visible_count() : 0;
  return done(error);
}

Error cudaSetDevice(int device) {
  Error error = usable(device);
  if (error == SUCCESS) current = device;
  return done(error);
}

Error cudaGetDevice(int *device) {
  *device = current;
  return done(usable(current));
}

/* cudaDeviceProp of CUDA 12, as far as it is filled in; the rest of its 1032 bytes is 0. */
struct properties {
  char name[256];
  char before_memory[32];
  size_t total;
  char before_capability[64];
  int major, minor;
  char before_bus[216];
  int bus;
  char rest[444];
};
_Static_assert(offsetof(struct properties, total) == 288, "totalGlobalMem");
_Static_assert(offsetof(struct properties, major) == 360, "major");
_Static_assert(offsetof(struct properties, bus) == 584, "pciBusID");
_Static_assert(sizeof(struct properties) == 1032, "cudaDeviceProp");

/* A slice is on the bus of its GPU. */
static gpu_bytes bus_of(const struct gpus *gpus, const char *line) {
  char whole[GPU_UUID];
  gpu_bytes bus = 0;
  if (gpu_text(line, "of", whole, sizeof whole)) line = gpus_find(gpus, whole);
  if (line != NULL) gpu_number(line, "bus", &bus);
  return bus;
}

Error cudaGetDeviceProperties_v2(struct properties *properties, int device) {
  struct gpus gpus;
  const char *line;
  Error error = describe(device, &gpus, &line);
  if (error != SUCCESS) return done(error);
  gpu_bytes total = 0, reserved = 0, capability = 0;
  gpu_number(line, "total", &total);
  gpu_number(line, "reserved", &reserved);
  gpu_number(line, "capability", &capability);
  *properties = (struct properties){.total = total - reserved, .major = (int)capability / 10, .minor = (int)capability % 10};
  properties->bus = (int)bus_of(&gpus, line);
  gpu_text(line, "name", properties->name, sizeof properties->name);
  return SUCCESS;
}

Error cudaDeviceGetPCIBusId(char *id, int size, int device) {
  struct gpus gpus;
  const char *line;
  Error error = describe(device, &gpus, &line);
  if (error != SUCCESS) return done(error);
  int length = snprintf(id, (size_t)size, "0000:%02X:00.0", (unsigned)bus_of(&gpus, line));
  return length < size ? SUCCESS : done(INVALID_VALUE);
}

Error cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
  *least = *greatest = 0;
  return done(usable(current));
}

Error cudaDeviceCanAccessPeer(int *can, int device, int peer) {
  *can = 0;
  Error error = usable(device);
  return done(error == SUCCESS ? usable(peer) : error);
}

Error cudaDeviceEnablePeerAccess(int peer, unsigned flags) {
  (void)flags;
  Error error = usable(peer);
  return done(error == SUCCESS ? PEER_ACCESS_UNSUPPORTED : error);
}

/* --- streams and events: all of it has happened when a call returns */

Error cudaStreamCreateWithPriority(Stream *stream, unsigned flags, int priority) {
  (void)priority;
  Error error = usable(current);
  if (error != SUCCESS) return done(error);
  *stream = malloc(sizeof **stream);
  if (*stream == NULL) return done(MEMORY_ALLOCATION);
  (*stream)->flags = flags;
  return SUCCESS;
}

Error cudaStreamCreate(Stream *stream) { return cudaStreamCreateWithPriority(stream, 0, 0); }

Error cudaStreamDestroy(Stream stream) {
  free(stream);
  return SUCCESS;
}

Error cudaStreamGetFlags(Stream stream, unsigned *flags) {
  *flags = stream == NULL ? 0 : stream->flags;
  return SUCCESS;
}

Error cudaStreamSynchronize(Stream stream) {
  (void)stream;
  return SUCCESS;
}

Error cudaLaunchHostFunc(Stream stream, void (*function)(void *), void *argument) {
  (void)stream;
  function(argument);
  return SUCCESS;
}

Error cudaEventRecord(void *event, Stream stream) {
  (void)event, (void)stream;
  return SUCCESS;
}

Error cudaEventSynchronize(void *event) {
  (void)event;
  return SUCCESS;
}
