/* libnvidia-ml.so.1 for a machine without a driver: answers from the description in gpus.h, as far as it goes.
 *
 * Signatures, structures and error numbers are those of NVIDIA's NVML reference. A figure that a device's line lacks is
 * NVML_ERROR_NOT_SUPPORTED; a device whose line is gone has been lost.
 */
#define _GNU_SOURCE
#include "nvml.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define DRIVER "580.159.04"
#define CUDA 13000
#define MIG_MOST 7
#define CAPABILITY_SCALE 10

static atomic_int users;
static struct handle handles[GPUS_MOST * 4];
static pthread_mutex_t handles_lock = PTHREAD_MUTEX_INITIALIZER;

int handle_of(const char *line, Device *device) {
  char uuid[GPU_UUID] = "";
  gpu_text(line, "uuid", uuid, sizeof uuid);
  int code = INSUFFICIENT_SIZE;
  pthread_mutex_lock(&handles_lock);
  for (size_t i = 0; i < sizeof handles / sizeof *handles; i++) {
    if (handles[i].uuid[0] == '\0') strcpy(handles[i].uuid, uuid);
    if (strcmp(handles[i].uuid, uuid) != 0) continue;
    *device = &handles[i];
    code = SUCCESS;
    break;
  }
  pthread_mutex_unlock(&handles_lock);
  return code;
}

int look(struct gpus *gpus) {
  if (users == 0) return UNINITIALIZED;
  return gpus_read(gpus) ? SUCCESS : DRIVER_NOT_LOADED;
}

int find(Device device, struct gpus *gpus, const char **line) {
  int code = look(gpus);
  if (code != SUCCESS) return code;
  if (device == NULL) return INVALID_ARGUMENT;
  *line = gpus_find(gpus, device->uuid);
  return *line == NULL ? GPU_IS_LOST : SUCCESS;
}

int number(Device device, const char *key, gpu_bytes *value) {
  struct gpus gpus;
  const char *line;
  int code = find(device, &gpus, &line);
  if (code != SUCCESS) return code;
  return gpu_number(line, key, value) ? SUCCESS : NOT_SUPPORTED;
}

int number_uint(Device device, const char *key, unsigned *value) {
  gpu_bytes found;
  int code = number(device, key, &found);
  if (code == SUCCESS) *value = (unsigned)found;
  return code;
}

static int copy(const char *text, char *value, unsigned size) {
  if (strlen(text) >= size) return INSUFFICIENT_SIZE;
  strcpy(value, text);
  return SUCCESS;
}

static int text(Device device, const char *key, char *value, unsigned size) {
  struct gpus gpus;
  const char *line;
  char found[GPU_LINE];
  int code = find(device, &gpus, &line);
  if (code != SUCCESS) return code;
  if (!gpu_text(line, key, found, sizeof found)) return NOT_SUPPORTED;
  return copy(found, value, size);
}

/* --- the library and the system */

int nvmlInitWithFlags(unsigned flags) {
  (void)flags;
  struct gpus gpus;
  if (!gpus_read(&gpus)) return DRIVER_NOT_LOADED;
  users++;
  return SUCCESS;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void) {
  if (users == 0) return UNINITIALIZED;
  users--;
  return SUCCESS;
}

const char *nvmlErrorString(int code) {
  switch (code) {
    case SUCCESS: return "Success";
    case UNINITIALIZED: return "Uninitialized";
    case INVALID_ARGUMENT: return "Invalid Argument";
    case NOT_SUPPORTED: return "Not Supported";
    case NOT_FOUND: return "Not Found";
    case INSUFFICIENT_SIZE: return "Insufficient Size";
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case GPU_IS_LOST: return "GPU is lost";
    case ARGUMENT_VERSION_MISMATCH: return "Argument version mismatch";
    default: return "Unknown Error";
  }
}

int nvmlSystemGetDriverVersion(char *version, unsigned size) {
  struct gpus gpus;
  int code = look(&gpus);
  return code == SUCCESS ? copy(DRIVER, version, size) : code;
}

int nvmlSystemGetNVMLVersion(char *version, unsigned size) { return copy("13." DRIVER, version, size); }

int nvmlSystemGetCudaDriverVersion(int *version) {
  *version = CUDA;
  return SUCCESS;
}

int nvmlSystemGetCudaDriverVersion_v2(int *version) { return nvmlSystemGetCudaDriverVersion(version); }

/* --- devices */

int nvmlDeviceGetCount_v2(unsigned *count) {
  struct gpus gpus;
  int code = look(&gpus);
  if (code != SUCCESS) return code;
  for (*count = 0; gpus_nth(&gpus, NULL, (int)*count) != NULL; ++*count);
  return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device *device) {
  struct gpus gpus;
  int code = look(&gpus);
  if (code != SUCCESS) return code;
  const char *line = gpus_nth(&gpus, NULL, (int)index);
  return line == NULL ? INVALID_ARGUMENT : handle_of(line, device);
}

int nvmlDeviceGetHandleByUUID(const char *uuid, Device *device) {
  struct gpus gpus;
  int code = look(&gpus);
  if (code != SUCCESS) return code;
  if (uuid == NULL) return INVALID_ARGUMENT;
  const char *line = gpus_find(&gpus, uuid);
  return line == NULL ? NOT_FOUND : handle_of(line, device);
}

int nvmlDeviceGetName(Device device, char *name, unsigned size) { return text(device, "name", name, size); }

int nvmlDeviceGetUUID(Device device, char *uuid, unsigned size) { return text(device, "uuid", uuid, size); }

/* Among the GPUs, or among the slices of its GPU. */
int nvmlDeviceGetIndex(Device device, unsigned *index) {
  struct gpus gpus;
  const char *line, *other;
  int code = find(device, &gpus, &line);
  if (code != SUCCESS) return code;
  char whole[GPU_UUID];
  const char *of = gpu_text(line, "of", whole, sizeof whole) ? whole : NULL;
  for (unsigned i = 0; (other = gpus_nth(&gpus, of, (int)i)) != NULL; i++)
    if (other == line) {
      *index = i;
      return SUCCESS;
    }
  return NOT_FOUND;
}

int nvmlDeviceGetMinorNumber(Device device, unsigned *minor) { return number_uint(device, "minor", minor); }

struct pci {
  char legacy_id[16];
  unsigned domain, bus, device, device_id, subsystem_id;
  char id[32];
};

int nvmlDeviceGetPciInfo_v3(Device device, struct pci *pci) {
  struct gpus gpus;
  const char *line;
  gpu_bytes bus;
  int code = find(device, &gpus, &line);
  if (code != SUCCESS) return code;
  if (!gpu_number(line, "bus", &bus)) return NOT_SUPPORTED;
  *pci = (struct pci){.bus = (unsigned)bus};
  snprintf(pci->legacy_id, sizeof pci->legacy_id, "0000:%02X:00.0", (unsigned char)bus);
  snprintf(pci->id, sizeof pci->id, "00000000:%02X:00.0", (unsigned char)bus);
  return SUCCESS;
}

int nvmlDeviceGetCudaComputeCapability(Device device, int *major, int *minor) {
  gpu_bytes capability;
  int code = number(device, "capability", &capability);
  if (code != SUCCESS) return code;
  *major = (int)capability / CAPABILITY_SCALE;
  *minor = (int)capability % CAPABILITY_SCALE;
  return SUCCESS;
}

/* --- slices (MIG) */

int nvmlDeviceGetMigMode(Device device, unsigned *now, unsigned *after_restart) {
  int code = number_uint(device, "mig", now);
  if (code == SUCCESS) *after_restart = *now;
  return code;
}

int nvmlDeviceGetMaxMigDeviceCount(Device device, unsigned *count) {
  unsigned mode;
  int code = number_uint(device, "mig", &mode);
  if (code != SUCCESS && code != NOT_SUPPORTED) return code;
  *count = code == SUCCESS ? MIG_MOST : 0;
  return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(Device device, unsigned index, Device *slice) {
  struct gpus gpus;
  const char *line, *found;
  int code = find(device, &gpus, &line);
  if (code != SUCCESS) return code;
  found = gpus_nth(&gpus, device->uuid, (int)index);
  return found == NULL ? NOT_FOUND : handle_of(found, slice);
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(Device slice, Device *device) {
  struct gpus gpus;
  const char *line;
  char whole[GPU_UUID];
  int code = find(slice, &gpus, &line);
  if (code != SUCCESS) return code;
  if (!gpu_text(line, "of", whole, sizeof whole)) return INVALID_ARGUMENT;
  line = gpus_find(&gpus, whole);
  return line == NULL ? GPU_IS_LOST : handle_of(line, device);
}

int nvmlDeviceIsMigDeviceHandle(Device device, unsigned *slice) {
  struct gpus gpus;
  const char *line;
  char whole[GPU_UUID];
  int code = find(device, &gpus, &line);
  if (code == SUCCESS) *slice = gpu_text(line, "of", whole, sizeof whole);
  return code;
}

int nvmlDeviceGetGpuInstanceId(Device device, unsigned *id) { return number_uint(device, "gpu_instance", id); }

int nvmlDeviceGetComputeInstanceId(Device device, unsigned *id) { return number_uint(device, "compute_instance", id); }
