/*
 * mixer-test writes every value of an element in turn. Of one with many values (a rate shift has 40,001) it shall write
 * a hundred. Linked with -Wl,--wrap=snd_ctl_elem_info_get_step.
 */

#include <alsa/asoundlib.h>

#define FEW 1000
#define STEPS 100

long __real_snd_ctl_elem_info_get_step(const snd_ctl_elem_info_t *info);

long __wrap_snd_ctl_elem_info_get_step(const snd_ctl_elem_info_t *info)
{
	long step = __real_snd_ctl_elem_info_get_step(info);
	long range = snd_ctl_elem_info_get_max(info) - snd_ctl_elem_info_get_min(info);

	return range / (step > 0 ? step : 1) > FEW ? range / STEPS : step;
}
