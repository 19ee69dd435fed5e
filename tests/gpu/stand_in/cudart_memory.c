/* CUDA's runtime: memory of devices, which is host memory that nobody has touched, and memory of the host. */
#define _GNU_SOURCE
#include "cudart.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* --- device memory */

struct piece {
  void *memory;
  size_t size;
  int device;
  struct piece *next;
};

static struct piece *pieces;
static pthread_mutex_t pieces_lock = PTHREAD_MUTEX_INITIALIZER;

/* The kernel is asked for addresses only, so that a test takes gigabytes of a GPU and none of its machine. */
Error cudaMalloc(void **memory, size_t size) {
  Error error = usable(current_device());
  *memory = NULL;
  if (error != SUCCESS || size == 0) return done(error);
  struct piece *piece = malloc(sizeof *piece);
  void *found = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (piece == NULL || found == MAP_FAILED) {
    if (found != MAP_FAILED) munmap(found, size);
    free(piece);
    return done(MEMORY_ALLOCATION);
  }
  pthread_mutex_lock(&pieces_lock);
  if (take_bytes(current_device(), size)) {
    *piece = (struct piece){found, size, current_device(), pieces};
    pieces = piece;
    *memory = found;
  }
  pthread_mutex_unlock(&pieces_lock);
  if (*memory != NULL) return SUCCESS;
  munmap(found, size);
  free(piece);
  return done(MEMORY_ALLOCATION);
}

Error cudaMallocManaged(void **memory, size_t size, unsigned flags) {
  (void)flags;
  return cudaMalloc(memory, size);
}

Error cudaFree(void *memory) {
  if (memory == NULL) return done(usable(current_device()));
  pthread_mutex_lock(&pieces_lock);
  struct piece **place = &pieces;
  while (*place != NULL && (*place)->memory != memory) place = &(*place)->next;
  struct piece *piece = *place;
  if (piece != NULL) {
    *place = piece->next;
    give_bytes(piece->device, piece->size);
  }
  pthread_mutex_unlock(&pieces_lock);
  if (piece == NULL) return done(INVALID_VALUE);
  munmap(piece->memory, piece->size);
  free(piece);
  return SUCCESS;
}

Error cudaMemGetInfo(size_t *available, size_t *total) {
  struct gpus gpus;
  const char *line;
  Error error = describe(current_device(), &gpus, &line);
  if (error != SUCCESS) return done(error);
  gpu_bytes all = 0, reserved = 0;
  gpu_number(line, "total", &all);
  gpu_number(line, "reserved", &reserved);
  *total = all - reserved;
  *available = gpu_free(&gpus, line);
  return SUCCESS;
}

Error cudaHostAlloc(void **memory, size_t size, unsigned flags) {
  (void)flags;
  Error error = usable(current_device());
  if (error != SUCCESS) return done(error);
  *memory = aligned_alloc(4096, (size + 4095) & ~(size_t)4095);
  return *memory == NULL ? done(MEMORY_ALLOCATION) : SUCCESS;
}

Error cudaFreeHost(void *memory) {
  free(memory);
  return SUCCESS;
}

Error cudaMemset(void *memory, int value, size_t size) {
  memset(memory, value, size);
  return SUCCESS;
}

Error cudaMemcpy(void *to, const void *from, size_t size, int kind) {
  (void)kind;
  memmove(to, from, size);
  return SUCCESS;
}

Error cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, Stream stream) {
  (void)stream;
  return cudaMemcpy(to, from, size, kind);
}

Error cudaMemcpyPeer(void *to, int to_device, const void *from, int from_device, size_t size) {
  (void)to_device, (void)from_device;
  return cudaMemcpy(to, from, size, 0);
}

Error cudaMemcpyPeerAsync(void *to, int to_device, const void *from, int from_device, size_t size, Stream stream) {
  (void)stream;
  return cudaMemcpyPeer(to, to_device, from, from_device, size);
}

Error cudaMemPrefetchAsync(const void *memory, size_t size, int device, Stream stream) {
  (void)memory, (void)size, (void)stream;
  return done(usable(device));
}

/* --- memory of another process: a mapping of this one's own cannot be shared */

Error cudaIpcGetMemHandle(void *handle, void *memory) {
  (void)handle, (void)memory;
  return done(NOT_SUPPORTED);
}

struct ipc_handle {
  char reserved[64];
};

Error cudaIpcOpenMemHandle(void **memory, struct ipc_handle handle, unsigned flags) {
  (void)memory, (void)handle, (void)flags;
  return done(NOT_SUPPORTED);
}

Error cudaIpcCloseMemHandle(void *memory) {
  (void)memory;
  return done(NOT_SUPPORTED);
}
