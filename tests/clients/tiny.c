/*
 * A client that makes the calls of tinyalsa's tinyplay and tinycap, in their order (written from recordings of them):
 * positions come from the status page, or from SYNC_PTR where that cannot be mapped.
 *
 *     tiny play NODE SOUND        plays the S16_LE stereo samples in the file SOUND, and then silence
 *     tiny play-mapped NODE SOUND the same through the mapped ring
 *     tiny record NODE SOUND      records as many samples as there are in SOUND, and compares
 *     tiny record-mapped NODE SOUND
 *
 * Says how it learns positions, and "done"; or on which line of this file a call failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sound/asound.h>

enum { RATE = 48000, FRAME = 4, PERIOD = 1024, BUFFER = 4 * PERIOD };

static int node, recording, mapped;
static struct snd_pcm_sync_ptr *sync_ptr;
static struct snd_pcm_mmap_status *status;
static struct snd_pcm_mmap_control *control;
static snd_pcm_uframes_t boundary;
static char *ring;

static void failed(int line, const char *what)
{
	printf("tiny.c:%d: %s: %s\n", line, what, strerror(errno));
	exit(1);
}

#define MUST(call) do { if ((call) < 0) failed(__LINE__, #call); } while (0)

static void fix(struct snd_pcm_hw_params *hw, int parameter, unsigned int value)
{
	struct snd_interval *range = &hw->intervals[parameter - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL];

	range->min = range->max = value;
	range->integer = 1;
}

static void only(struct snd_pcm_hw_params *hw, int parameter, unsigned int value)
{
	memset(&hw->masks[parameter], 0, sizeof hw->masks[parameter]);
	hw->masks[parameter].bits[value / 32] = 1u << value % 32;
}

static void configure(void)
{
	struct snd_pcm_hw_params hw;
	int i;

	memset(&hw, 0, sizeof hw);
	for (i = 0; i < 3; i++)
		memset(&hw.masks[i], 0xff, sizeof hw.masks[i]);
	for (i = 0; i < 12; i++)
		hw.intervals[i].max = ~0u;
	hw.rmask = ~0u;
	hw.info = ~0u;
	only(&hw, SNDRV_PCM_HW_PARAM_ACCESS,
	     mapped ? SNDRV_PCM_ACCESS_MMAP_INTERLEAVED : SNDRV_PCM_ACCESS_RW_INTERLEAVED);
	only(&hw, SNDRV_PCM_HW_PARAM_FORMAT, (unsigned int)SNDRV_PCM_FORMAT_S16_LE);
	fix(&hw, SNDRV_PCM_HW_PARAM_CHANNELS, 2);
	fix(&hw, SNDRV_PCM_HW_PARAM_RATE, RATE);
	fix(&hw, SNDRV_PCM_HW_PARAM_PERIOD_SIZE, PERIOD);
	fix(&hw, SNDRV_PCM_HW_PARAM_PERIODS, BUFFER / PERIOD);
	MUST(ioctl(node, SNDRV_PCM_IOCTL_HW_PARAMS, &hw));
	if (mapped) {
		ring = mmap(NULL, BUFFER * FRAME, PROT_READ | PROT_WRITE, MAP_SHARED, node, 0);
		if (ring == MAP_FAILED)
			failed(__LINE__, "mmap of the ring");
	}
}

static void set_thresholds(void)
{
	struct snd_pcm_sw_params sw;

	memset(&sw, 0, sizeof sw);
	sw.tstamp_mode = SNDRV_PCM_TSTAMP_ENABLE;
	sw.period_step = 1;
	sw.avail_min = PERIOD;
	sw.start_threshold = recording ? 1 : BUFFER;
	sw.stop_threshold = recording ? BUFFER * 10 : BUFFER;
	sw.xfer_align = PERIOD / 2;
	sw.boundary = BUFFER;
	MUST(ioctl(node, SNDRV_PCM_IOCTL_SW_PARAMS, &sw));
	boundary = sw.boundary;
}

static void see_positions(void)
{
	long page = sysconf(_SC_PAGE_SIZE);

	status = mmap(NULL, page, PROT_READ, MAP_SHARED, node, SNDRV_PCM_MMAP_OFFSET_STATUS);
	control = MAP_FAILED;
	if (status != MAP_FAILED)
		control = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, node,
			       SNDRV_PCM_MMAP_OFFSET_CONTROL);
	if (control != MAP_FAILED) {
		control->avail_min = PERIOD;
		printf("positions: mapped\n");
		return;
	}
	printf("positions: SYNC_PTR, for mapping is errno %d\n", errno);
	sync_ptr = calloc(1, sizeof *sync_ptr);
	status = &sync_ptr->s.status;
	control = &sync_ptr->c.control;
	control->avail_min = PERIOD;
}

static void synchronize(unsigned int flags)
{
	if (sync_ptr) {
		sync_ptr->flags = flags;
		MUST(ioctl(node, SNDRV_PCM_IOCTL_SYNC_PTR, sync_ptr));
	} else if (flags & SNDRV_PCM_SYNC_PTR_HWSYNC) {
		MUST(ioctl(node, SNDRV_PCM_IOCTL_HWSYNC));
	}
}

enum { LOOK = SNDRV_PCM_SYNC_PTR_APPL | SNDRV_PCM_SYNC_PTR_AVAIL_MIN };

static int state(void)
{
	synchronize(LOOK);
	return *(volatile int *)&status->state;
}

static void prepare(void)
{
	MUST(ioctl(node, SNDRV_PCM_IOCTL_PREPARE));
	synchronize(LOOK);
}

static void wait_for_it(void)
{
	struct pollfd fd = { node, POLLIN | POLLOUT | POLLERR | POLLNVAL, 0 };

	MUST(poll(&fd, 1, -1));
	if (fd.revents & (POLLERR | POLLNVAL))
		failed(__LINE__, "poll said an error");
}

static void transfer_called(char *at, unsigned long frames)
{
	while (frames) {
		unsigned long part = frames < BUFFER ? frames : BUFFER;
		struct snd_xferi transfer = { 0, at, part };

		if (state() == SNDRV_PCM_STATE_SETUP)
			prepare();
		MUST(ioctl(node, recording ? SNDRV_PCM_IOCTL_READI_FRAMES : SNDRV_PCM_IOCTL_WRITEI_FRAMES,
			   &transfer));
		at += transfer.result * FRAME;
		frames -= transfer.result;
	}
}

static unsigned long available(void)
{
	unsigned long appl = control->appl_ptr, hw = *(volatile unsigned long *)&status->hw_ptr;
	long avail = recording ? hw - appl : hw + BUFFER - appl;

	if (avail < 0)
		avail += boundary;
	else if ((unsigned long)avail >= boundary)
		avail -= boundary;
	return avail;
}

static void transfer_mapped(char *at, unsigned long frames)
{
	while (frames) {
		unsigned long avail, part, place;

		synchronize(LOOK | SNDRV_PCM_SYNC_PTR_HWSYNC);
		if (recording && state() == SNDRV_PCM_STATE_PREPARED)
			MUST(ioctl(node, SNDRV_PCM_IOCTL_START));
		avail = available();
		if (avail < PERIOD) {
			if (!recording && state() == SNDRV_PCM_STATE_PREPARED)
				MUST(ioctl(node, SNDRV_PCM_IOCTL_START));
			wait_for_it();
			continue;
		}
		place = control->appl_ptr % BUFFER;
		part = avail < frames ? avail : frames;
		if (part > BUFFER - place)
			part = BUFFER - place;
		if (recording)
			memcpy(at, ring + place * FRAME, part * FRAME);
		else
			memcpy(ring + place * FRAME, at, part * FRAME);
		control->appl_ptr = (control->appl_ptr + part) % boundary;
		synchronize(0);
		at += part * FRAME;
		frames -= part;
	}
}

static char *load(const char *path, unsigned long *frames)
{
	FILE *file = fopen(path, "rb");
	char *bytes;
	long length;

	if (!file)
		failed(__LINE__, path);
	fseek(file, 0, SEEK_END);
	length = ftell(file);
	rewind(file);
	/* Behind the sound there is as much silence as the ring holds. */
	bytes = calloc(1, length + BUFFER * FRAME);
	if (fread(bytes, 1, length, file) != (size_t)length)
		failed(__LINE__, path);
	fclose(file);
	*frames = length / FRAME;
	return bytes;
}

int main(int count, char **words)
{
	struct snd_pcm_info info;
	unsigned long frames;
	char *sound, *heard;
	int flags;

	if (count != 4)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	recording = words[1][0] == 'r';
	mapped = strstr(words[1], "-mapped") != NULL;
	sound = load(words[3], &frames);
	heard = calloc(1, frames * FRAME);
	MUST(node = open(words[2], O_RDWR | O_NONBLOCK));
	MUST(flags = fcntl(node, F_GETFL));
	MUST(fcntl(node, F_SETFL, flags & ~O_NONBLOCK));
	MUST(ioctl(node, SNDRV_PCM_IOCTL_INFO, &info));
	configure();
	set_thresholds();
	see_positions();
	prepare();
	(mapped ? transfer_mapped : transfer_called)(recording ? heard : sound, recording ? frames : frames + BUFFER);
	if (recording && memcmp(sound, heard, frames * FRAME) != 0)
		return puts("heard something else"), 1;
	if (!recording)
		wait_for_it();
	close(node);
	puts("done");
	return 0;
}
