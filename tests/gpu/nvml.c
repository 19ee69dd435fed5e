/* libnvidia-ml.so.1 for a machine without a driver: answers from the description in gpus.h, as far as it goes.
 *
 * Signatures, structures and error numbers are those of NVIDIA's NVML reference. A figure that a device's line lacks is
 * NVML_ERROR_NOT_SUPPORTED; a device whose line is gone has been lost.
 */
#define _GNU_SOURCE
#include "gpus.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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

#define DRIVER "580.159.04"
#define CUDA 13000
#define NOT_AVAILABLE (~0ULL)
#define NO_INSTANCE (~0U)
#define MIG_MOST 7
#define CAPABILITY_SCALE 10

typedef struct handle {
  char uuid[GPU_UUID];
} *Device;

static atomic_int users;
static struct handle handles[GPUS_MOST * 4];
static pthread_mutex_t handles_lock = PTHREAD_MUTEX_INITIALIZER;

/* A handle outlives what it stands for, and is the same for the same device. */
static int handle_of(const char *line, Device *device) {
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

static int look(struct gpus *gpus) {
  if (users == 0) return UNINITIALIZED;
  return gpus_read(gpus) ? SUCCESS : DRIVER_NOT_LOADED;
}

static int find(Device device, struct gpus *gpus, const char **line) {
  int code = look(gpus);
  if (code != SUCCESS) return code;
  if (device == NULL) return INVALID_ARGUMENT;
  *line = gpus_find(gpus, device->uuid);
  return *line == NULL ? GPU_IS_LOST : SUCCESS;
}

static int number(Device device, const char *key, gpu_bytes *value) {
  struct gpus gpus;
  const char *line;
  int code = find(device, &gpus, &line);
  if (code != SUCCESS) return code;
  return gpu_number(line, key, value) ? SUCCESS : NOT_SUPPORTED;
}

static int number_uint(Device device, const char *key, unsigned *value) {
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

/* --- memory and who takes it */

struct memory {
  unsigned long long total, free, used;
};

/* The first version of this call counts as used what the driver keeps for itself. */
int nvmlDeviceGetMemoryInfo(Device device, struct memory *memory) {
  struct gpus gpus;
  const char *line;
  int code = find(device, &gpus, &line);
  if (code != SUCCESS) return code;
  if (!gpu_number(line, "total", &memory->total)) return NOT_SUPPORTED;
  memory->free = gpu_free(&gpus, line);
  memory->used = memory->total - memory->free;
  return SUCCESS;
}

struct memory_v2 {
  unsigned version;
  unsigned long long total, reserved, free, used;
};

int nvmlDeviceGetMemoryInfo_v2(Device device, struct memory_v2 *memory) {
  struct gpus gpus;
  const char *line;
  int code = find(device, &gpus, &line);
  if (code != SUCCESS) return code;
  if (memory->version != (sizeof *memory | 2U << 24)) return ARGUMENT_VERSION_MISMATCH;
  if (!gpu_number(line, "total", &memory->total)) return NOT_SUPPORTED;
  memory->reserved = 0;
  gpu_number(line, "reserved", &memory->reserved);
  memory->free = gpu_free(&gpus, line);
  memory->used = memory->total - memory->reserved - memory->free;
  return SUCCESS;
}

struct process {
  unsigned pid;
  unsigned long long used;
  unsigned gpu_instance, compute_instance;
};

/* Those of one line, after the already present ones; returns how many there are then, whether or not there is room. */
static unsigned add_processes(const char *line, bool measured, struct process *processes, unsigned room, unsigned count) {
  char uuid[GPU_UUID] = "";
  gpu_bytes gpu_instance = NO_INSTANCE, compute_instance = NO_INSTANCE;
  gpu_text(line, "uuid", uuid, sizeof uuid);
  gpu_number(line, "gpu_instance", &gpu_instance);
  gpu_number(line, "compute_instance", &compute_instance);
  struct gpu_process found[1024];
  int here = gpu_processes(uuid, found, 1024);
  for (int i = 0; i < here && i < 1024; i++, count++)
    if (count < room)
      processes[count] = (struct process){(unsigned)found[i].pid, measured ? found[i].used : NOT_AVAILABLE,
                                          (unsigned)gpu_instance, (unsigned)compute_instance};
  return count;
}

/* A GPU's processes include those of its slices. */
int nvmlDeviceGetComputeRunningProcesses_v3(Device device, unsigned *count, struct process *processes) {
  struct gpus gpus;
  const char *line, *slice;
  char known[16];
  int code = find(device, &gpus, &line);
  if (code != SUCCESS) return code;
  if (!gpu_text(line, "processes", known, sizeof known)) return NOT_SUPPORTED;
  bool measured = strcmp(known, "measured") == 0;
  unsigned room = processes == NULL ? 0 : *count;
  *count = add_processes(line, measured, processes, room, 0);
  for (int i = 0; (slice = gpus_nth(&gpus, device->uuid, i)) != NULL; i++)
    *count = add_processes(slice, measured, processes, room, *count);
  return *count > room ? INSUFFICIENT_SIZE : SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v2(Device device, unsigned *count, struct process *processes) {
  return nvmlDeviceGetComputeRunningProcesses_v3(device, count, processes);
}

/* --- what it is doing */

struct utilization {
  unsigned gpu, memory;
};

int nvmlDeviceGetUtilizationRates(Device device, struct utilization *rates) {
  int code = number_uint(device, "utilization", &rates->gpu);
  return code == SUCCESS ? number_uint(device, "memory_utilization", &rates->memory) : code;
}

int nvmlDeviceGetPowerUsage(Device device, unsigned *milliwatts) { return number_uint(device, "power", milliwatts); }

int nvmlDeviceGetPowerManagementLimit(Device device, unsigned *milliwatts) {
  return number_uint(device, "power_limit", milliwatts);
}

int nvmlDeviceGetEnforcedPowerLimit(Device device, unsigned *milliwatts) {
  return number_uint(device, "power_limit", milliwatts);
}

/* What it was at the time "since" (CLOCK_MONOTONIC, in ns), and what the present power has added. */
int nvmlDeviceGetTotalEnergyConsumption(Device device, unsigned long long *millijoules) {
  gpu_bytes energy, power = 0, since = 0;
  int code = number(device, "energy", &energy);
  if (code != SUCCESS) return code;
  number(device, "power", &power);
  number(device, "since", &since);
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  double seconds = (double)now.tv_sec + (double)now.tv_nsec * 1e-9 - (double)since * 1e-9;
  *millijoules = energy + (gpu_bytes)((double)power * seconds);
  return SUCCESS;
}

static const char *const clocks[] = {"graphics_clock", "sm_clock", "memory_clock", "video_clock"};
static const char *const max_clocks[] = {"max_graphics_clock", "max_sm_clock", "max_memory_clock", "max_video_clock"};

int nvmlDeviceGetClockInfo(Device device, unsigned type, unsigned *megahertz) {
  return type < 4 ? number_uint(device, clocks[type], megahertz) : INVALID_ARGUMENT;
}

int nvmlDeviceGetMaxClockInfo(Device device, unsigned type, unsigned *megahertz) {
  return type < 4 ? number_uint(device, max_clocks[type], megahertz) : INVALID_ARGUMENT;
}

int nvmlDeviceGetTemperature(Device device, unsigned sensor, unsigned *celsius) {
  return sensor == 0 ? number_uint(device, "temperature", celsius) : INVALID_ARGUMENT;
}

int nvmlDeviceGetEccMode(Device device, unsigned *now, unsigned *after_restart) {
  int code = number_uint(device, "ecc", now);
  if (code == SUCCESS) *after_restart = *now;
  return code;
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
