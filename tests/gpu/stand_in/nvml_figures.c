/* What NVML says of a device that changes: its memory, who takes it, and what it is doing. */
#define _GNU_SOURCE
#include "nvml.h"

#include <string.h>
#include <time.h>

#define NOT_AVAILABLE (~0ULL)
#define NO_INSTANCE (~0U)
/* Linux has no process of such an id. */
#define ELSEWHERE 10000000

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

/* What the driver tells of processes: see Processes in machine.py. */
struct telling {
  bool measured, named;
  unsigned pid_offset;
};

/* Those of one line, after the already present ones; returns how many there are then, whether or not there is room. */
static unsigned add_processes(const char *line, struct telling telling, struct process *processes, unsigned room,
                              unsigned count) {
  char uuid[GPU_UUID] = "";
  gpu_bytes gpu_instance = NO_INSTANCE, compute_instance = NO_INSTANCE;
  gpu_text(line, "uuid", uuid, sizeof uuid);
  gpu_number(line, "gpu_instance", &gpu_instance);
  gpu_number(line, "compute_instance", &compute_instance);
  struct gpu_process found[1024];
  int here = telling.named ? gpu_processes(uuid, found, 1024) : 0;
  for (int i = 0; i < here && i < 1024; i++, count++)
    if (count < room)
      processes[count] = (struct process){(unsigned)found[i].pid + telling.pid_offset,
                                          telling.measured ? found[i].used : NOT_AVAILABLE, (unsigned)gpu_instance,
                                          (unsigned)compute_instance};
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
  struct telling telling = {.measured = strcmp(known, "unmeasured") != 0,
                            .named = strcmp(known, "unnamed") != 0,
                            .pid_offset = strcmp(known, "elsewhere") == 0 ? ELSEWHERE : 0};
  unsigned room = processes == NULL ? 0 : *count;
  *count = add_processes(line, telling, processes, room, 0);
  for (int i = 0; (slice = gpus_nth(&gpus, device->uuid, i)) != NULL; i++)
    *count = add_processes(slice, telling, processes, room, *count);
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
