#define GFP_KERNEL 0
#define kzalloc(size, flags) calloc(1, size)
#define kcalloc(n, size, flags) calloc(n, size)
#define kfree(p) free(p)
