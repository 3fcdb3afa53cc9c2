/* Stands in for the kernel's headers, so that OSLEC builds as an ordinary program. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
typedef int16_t __s16;
typedef int32_t s32;
static inline int fls(int x) { return x ? 32 - __builtin_clz((unsigned)x) : 0; }
