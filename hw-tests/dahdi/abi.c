/* Prints what DAHDI's real headers say: the driver's own definitions are held against it. */
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <dahdi/user.h>

#define REQUEST(name) printf("%s %lu\n", #name, (unsigned long)(name))
#define SIZE(name) printf("%s %zu\n", #name, sizeof(struct name))
#define OFFSET(name, field) printf("%s.%s %zu\n", #name, #field, offsetof(struct name, field))

int main(void)
{
    REQUEST(DAHDI_FLUSH); REQUEST(DAHDI_GET_PARAMS); REQUEST(DAHDI_SET_PARAMS); REQUEST(DAHDI_HOOK);
    REQUEST(DAHDI_GETEVENT); REQUEST(DAHDI_SPANSTAT); REQUEST(DAHDI_MAINT); REQUEST(DAHDI_SPANCONFIG);
    REQUEST(DAHDI_CHANCONFIG); REQUEST(DAHDI_LOADZONE); REQUEST(DAHDI_SET_BUFINFO); REQUEST(DAHDI_AUDIOMODE);
    REQUEST(DAHDI_ECHOCANCEL); REQUEST(DAHDI_SPECIFY); REQUEST(DAHDI_SETCADENCE); REQUEST(DAHDI_GETRXBITS);
    REQUEST(DAHDI_SETTXBITS); REQUEST(DAHDI_TIMERCONFIG); REQUEST(DAHDI_TIMERACK); REQUEST(DAHDI_TIMERPING);
    REQUEST(DAHDI_GETVERSION); REQUEST(DAHDI_ATTACH_ECHOCAN); REQUEST(DAHDI_DYNAMIC_CREATE);
    REQUEST(DAHDI_DYNAMIC_DESTROY); REQUEST(DAHDI_SET_HWGAIN); REQUEST(DAHDI_SETPOLARITY); REQUEST(DAHDI_STARTUP);
    REQUEST(DAHDI_BUFFER_EVENTS);
    SIZE(dahdi_params); SIZE(dahdi_spaninfo); SIZE(dahdi_chanconfig); SIZE(dahdi_lineconfig); SIZE(dahdi_bufferinfo);
    printf("dahdi_params.times %zu\n", offsetof(struct dahdi_params, prewinktime));
    OFFSET(dahdi_params, chan_alarms); OFFSET(dahdi_spaninfo, alarms); OFFSET(dahdi_spaninfo, bpvcount);
    OFFSET(dahdi_spaninfo, irqmisses); OFFSET(dahdi_spaninfo, spantype); OFFSET(dahdi_chanconfig, master);
    OFFSET(dahdi_chanconfig, deflaw);
    return 0;
}
