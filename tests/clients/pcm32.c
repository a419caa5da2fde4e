/*
 * A 32-bit client without a C library: plays a sound, and looks at every structure of its own on the way.
 *
 *     pcm32 playback NODE SOUND MAPPING     plays the S16_LE stereo samples in the file SOUND
 *     pcm32 channels NODE SOUND MAPPING     the same, with one buffer a channel
 *     pcm32 capture NODE SOUND MAPPING      records, and compares with SOUND
 *
 * MAPPING says whether mmap is to be `refused`, or to show the records and the samples as this client lays them out
 * (`works`).
 * Exits with 0, or says on which line of this file it saw something else than it expected.
 */

#include <asm/unistd.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <sound/asound.h>

typedef unsigned int u32;

#define FRAMES_MAX 65536
#define PERIOD 480
#define BUFFER 1920
/* The largest BUFFER << n that leaves room for a buffer below 2^31. */
#define BOUNDARY 0x78000000u

/* Where the identifier of the clock lies in snd_pcm_hw_params; headers name it differently. */
#define SYNC 540

enum { FAULT = 14, NO_MAPPING = 19, INVALID = 22, NOT_TTY = 25, BAD_STATE = 77 };

static short sound[FRAMES_MAX * 2];
static short heard[FRAMES_MAX * 2];
static short left[FRAMES_MAX], right[FRAMES_MAX];

static long call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "0"(number), "b"(a), "c"(b), "d"(c) : "memory");
	return result;
}

void *memset(void *to, int byte, unsigned long n)
{
	for (unsigned char *at = to; n; n--)
		*at++ = (unsigned char)byte;
	return to;
}

void *memcpy(void *to, const void *from, unsigned long n)
{
	unsigned char *at = to;
	const unsigned char *source = from;

	for (; n; n--)
		*at++ = *source++;
	return to;
}

static void number(long n)
{
	char text[12];
	int at = sizeof text;
	unsigned long rest = n < 0 ? -(unsigned long)n : (unsigned long)n;

	do {
		text[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (n < 0)
		text[--at] = '-';
	call(__NR_write, 2, (long)(text + at), (long)sizeof text - at);
}

static void words(const char *text)
{
	long n = 0;

	while (text[n])
		n++;
	call(__NR_write, 2, (long)text, n);
}

static void expect(long got, long wanted, int line)
{
	if (got == wanted)
		return;
	words("pcm32.c:");
	number(line);
	words(": got ");
	number(got);
	words(", expected ");
	number(wanted);
	words("\n");
	call(__NR_exit, 1, 0, 0);
}

#define EXPECT(got, wanted) expect((long)(got), (long)(wanted), __LINE__)

static int node;
static int mapping_is_refused;
static const struct snd_pcm_mmap_status *status_page;
static struct snd_pcm_mmap_control *control_page;

static long control(u32 command, void *argument)
{
	return call(__NR_ioctl, node, (long)command, (long)argument);
}

static long map(unsigned long offset)
{
	/* Of the records, the control record may be written. */
	unsigned long write = offset == SNDRV_PCM_MMAP_OFFSET_CONTROL ? 2 : 0;
	unsigned long arguments[6] = { 0, 4096, 1 | write, 1, (unsigned long)node, offset };

	return call(__NR_mmap, (long)arguments, 0, 0);
}

static struct snd_interval *interval(struct snd_pcm_hw_params *hw, int parameter)
{
	return &hw->intervals[parameter - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL];
}

static void fix(struct snd_pcm_hw_params *hw, int parameter, u32 value)
{
	struct snd_interval *range = interval(hw, parameter);

	range->min = range->max = value;
	range->integer = 1;
}

static void only(struct snd_pcm_hw_params *hw, int parameter, u32 value)
{
	struct snd_mask *mask = &hw->masks[parameter];

	memset(mask, 0, sizeof *mask);
	mask->bits[value / 32] = 1u << value % 32;
}

static void configure(u32 access)
{
	static struct snd_pcm_hw_params hw;
	unsigned char *bytes = (unsigned char *)&hw;
	int i;

	for (i = 0; i < 3; i++)
		memset(&hw.masks[i], 0xff, sizeof hw.masks[i]);
	for (i = 0; i < 12; i++)
		hw.intervals[i].max = 0xffffffff;
	hw.rmask = 0xffffffff;
	memset(bytes + SYNC, 0x5a, 64);
	EXPECT(control(SNDRV_PCM_IOCTL_HW_REFINE, &hw), 0);
	EXPECT(interval(&hw, SNDRV_PCM_HW_PARAM_CHANNELS)->min >= 1, 1);
	EXPECT(interval(&hw, SNDRV_PCM_HW_PARAM_CHANNELS)->max < 1000, 1);
	/* A 64-bit fifo_size ends where the id begins. */
	for (i = 0; i < 64; i++)
		EXPECT(bytes[SYNC + i], i < 4 ? 0 : 0x5a);
	only(&hw, SNDRV_PCM_HW_PARAM_ACCESS, access);
	only(&hw, SNDRV_PCM_HW_PARAM_FORMAT, (u32)SNDRV_PCM_FORMAT_S16_LE);
	fix(&hw, SNDRV_PCM_HW_PARAM_CHANNELS, 2);
	fix(&hw, SNDRV_PCM_HW_PARAM_RATE, 48000);
	fix(&hw, SNDRV_PCM_HW_PARAM_PERIOD_SIZE, PERIOD);
	fix(&hw, SNDRV_PCM_HW_PARAM_BUFFER_SIZE, BUFFER);
	hw.rmask = 0xffffffff;
	EXPECT(control(SNDRV_PCM_IOCTL_HW_PARAMS, &hw), 0);
	EXPECT(hw.rate_num, 48000);
	EXPECT(hw.msbits, 16);
}

static void set_thresholds(u32 start)
{
	static struct snd_pcm_sw_params sw;

	sw.period_step = 1;
	sw.avail_min = PERIOD;
	sw.start_threshold = start;
	sw.stop_threshold = BUFFER;
	sw.boundary = 1;
	sw.xfer_align = 77;
	EXPECT(control(SNDRV_PCM_IOCTL_SW_PARAMS, &sw), 0);
	EXPECT(sw.boundary, BOUNDARY);
	EXPECT(sw.xfer_align, 77);
}

static void set_up(u32 access, u32 start)
{
	struct snd_pcm_channel_info layout;
	int version;

	EXPECT(control(SNDRV_PCM_IOCTL_PVERSION, &version), 0);
	EXPECT(SNDRV_PROTOCOL_MAJOR(version), 2);
	/* A 64-bit client's HW_PARAMS. */
	EXPECT(control(_IOC(_IOC_READ | _IOC_WRITE, 'A', 0x11, 608), &sound), -NOT_TTY);
	configure(access);
	set_thresholds(start);
	layout.channel = 1;
	EXPECT(control(SNDRV_PCM_IOCTL_CHANNEL_INFO, &layout), 0);
	EXPECT(layout.channel, 1);
	EXPECT(layout.offset, mapping_is_refused ? -1 : 0);
	if (mapping_is_refused) {
		EXPECT(map(SNDRV_PCM_MMAP_OFFSET_STATUS), -NO_MAPPING);
		EXPECT(map(SNDRV_PCM_MMAP_OFFSET_CONTROL), -NO_MAPPING);
	} else {
		status_page = (void *)map(SNDRV_PCM_MMAP_OFFSET_STATUS);
		EXPECT((unsigned long)status_page < -4096UL, 1);
		control_page = (void *)map(SNDRV_PCM_MMAP_OFFSET_CONTROL);
		EXPECT((unsigned long)control_page < -4096UL, 1);
	}
	layout.channel = 2;
	EXPECT(control(SNDRV_PCM_IOCTL_CHANNEL_INFO, &layout), -INVALID);
	EXPECT(control(SNDRV_PCM_IOCTL_PREPARE, 0), 0);
}

/* What is written into the control record counts, and hw_ptr is where it should be. */
static void write_records(u32 position)
{
	struct snd_pcm_sync_ptr pointers;

	memset(&pointers, 0, sizeof pointers);
	pointers.flags = SNDRV_PCM_SYNC_PTR_APPL | SNDRV_PCM_SYNC_PTR_AVAIL_MIN;
	EXPECT(status_page->hw_ptr, 0);
	control_page->appl_ptr = position + 7;
	control_page->avail_min = 11;
	EXPECT(control(SNDRV_PCM_IOCTL_SYNC_PTR, &pointers), 0);
	EXPECT(pointers.c.control.appl_ptr, position + 7);
	EXPECT(pointers.c.control.avail_min, 11);
	control_page->appl_ptr = position;
	control_page->avail_min = PERIOD;
	EXPECT(control(SNDRV_PCM_IOCTL_SYNC_PTR, &pointers), 0);
	EXPECT(pointers.c.control.appl_ptr, position);
}

/* The position by every way there is, in a state. */
static void look(u32 position, int state)
{
	struct snd_pcm_status status;
	struct snd_pcm_sync_ptr pointers;
	snd_pcm_sframes_t delay = -777;

	memset(&status, 0x5a, sizeof status);
	EXPECT(control(SNDRV_PCM_IOCTL_STATUS, &status), 0);
	EXPECT(status.state, state);
	EXPECT(status.appl_ptr, position);
	EXPECT(status.driver_tstamp.tv_sec, status.audio_tstamp.tv_sec);
	EXPECT(status.reserved[0], 0);
	status.audio_tstamp_data = 0;
	EXPECT(control(SNDRV_PCM_IOCTL_STATUS_EXT, &status), 0);
	EXPECT(status.appl_ptr, position);
	memset(&pointers, 0, sizeof pointers);
	pointers.flags = SNDRV_PCM_SYNC_PTR_APPL | SNDRV_PCM_SYNC_PTR_AVAIL_MIN;
	EXPECT(control(SNDRV_PCM_IOCTL_SYNC_PTR, &pointers), 0);
	EXPECT(pointers.s.status.state, state);
	EXPECT(pointers.c.control.appl_ptr, position);
	EXPECT(pointers.c.control.avail_min, PERIOD);
	if (control_page) {
		EXPECT(status_page->state, state);
		EXPECT(control_page->appl_ptr, position);
		EXPECT(control_page->avail_min, PERIOD);
	}
	if (state != SNDRV_PCM_STATE_PREPARED)
		return;
	EXPECT(pointers.s.status.hw_ptr, 0);
	EXPECT(control(SNDRV_PCM_IOCTL_DELAY, &delay), 0);
	EXPECT(delay, position);
	/* Apply what is there already, and another avail_min. */
	pointers.flags = 0;
	pointers.c.control.avail_min = 1;
	EXPECT(control(SNDRV_PCM_IOCTL_SYNC_PTR, &pointers), 0);
	EXPECT(pointers.c.control.avail_min, 1);
	pointers.c.control.avail_min = PERIOD;
	EXPECT(control(SNDRV_PCM_IOCTL_SYNC_PTR, &pointers), 0);
	if (control_page)
		write_records(position);
}

static void move_back_and_forth(u32 position)
{
	snd_pcm_uframes_t frames = position + 10;

	EXPECT(control(SNDRV_PCM_IOCTL_REWIND, &frames), 0);
	EXPECT(frames, position);
	look(0, SNDRV_PCM_STATE_PREPARED);
	frames = position;
	EXPECT(control(SNDRV_PCM_IOCTL_FORWARD, &frames), 0);
	EXPECT(frames, position);
	look(position, SNDRV_PCM_STATE_PREPARED);
	EXPECT(control(SNDRV_PCM_IOCTL_REWIND, &frames), 0);
	EXPECT(frames, position);
}

static void play(u32 frames)
{
	struct snd_xferi transfer = { -777, heard, 100 };
	u32 done;

	EXPECT(control(SNDRV_PCM_IOCTL_WRITEI_FRAMES, &transfer), -BAD_STATE);
	EXPECT(transfer.result, -777);
	set_up(SNDRV_PCM_ACCESS_RW_INTERLEAVED, BUFFER);
	EXPECT(control(SNDRV_PCM_IOCTL_READI_FRAMES, &transfer), -INVALID);
	transfer.buf = (void *)16;
	EXPECT(control(SNDRV_PCM_IOCTL_WRITEI_FRAMES, &transfer), -FAULT);
	EXPECT(transfer.result, -777);
	transfer.buf = heard;
	EXPECT(control(SNDRV_PCM_IOCTL_WRITEI_FRAMES, &transfer), 0);
	EXPECT(transfer.result, 100);
	look(100, SNDRV_PCM_STATE_PREPARED);
	move_back_and_forth(100);
	for (done = 0; done < frames; done += (u32)transfer.result) {
		transfer.result = -777;
		transfer.buf = sound + done * 2;
		transfer.frames = frames - done < 1000 ? frames - done : 1000;
		EXPECT(control(SNDRV_PCM_IOCTL_WRITEI_FRAMES, &transfer), 0);
		EXPECT(transfer.result, transfer.frames);
		look(done + (u32)transfer.result,
		     done < 1000 ? SNDRV_PCM_STATE_PREPARED : SNDRV_PCM_STATE_RUNNING);
	}
	EXPECT(control(SNDRV_PCM_IOCTL_DRAIN, 0), 0);
}

static void play_channels(u32 frames)
{
	void *buffers[2];
	struct snd_xfern transfer;
	u32 done, i;

	for (i = 0; i < frames; i++) {
		left[i] = sound[2 * i];
		right[i] = sound[2 * i + 1];
	}
	set_up(SNDRV_PCM_ACCESS_RW_NONINTERLEAVED, BUFFER);
	for (done = 0; done < frames; done += (u32)transfer.result) {
		buffers[0] = left + done;
		buffers[1] = right + done;
		transfer.bufs = buffers;
		transfer.result = -777;
		transfer.frames = frames - done < 1000 ? frames - done : 1000;
		EXPECT(control(SNDRV_PCM_IOCTL_WRITEN_FRAMES, &transfer), transfer.frames);
		EXPECT(transfer.result, transfer.frames);
	}
	EXPECT(control(SNDRV_PCM_IOCTL_DRAIN, 0), 0);
}

static void record(u32 frames)
{
	struct snd_xferi transfer;
	u32 done, i;

	set_up(SNDRV_PCM_ACCESS_RW_INTERLEAVED, 1);
	for (done = 0; done < frames; done += (u32)transfer.result) {
		transfer.result = -777;
		transfer.buf = heard + done * 2;
		transfer.frames = frames - done < 1000 ? frames - done : 1000;
		EXPECT(control(SNDRV_PCM_IOCTL_READI_FRAMES, &transfer), 0);
		EXPECT(transfer.result, transfer.frames);
	}
	for (i = 0; i < frames * 2; i++)
		EXPECT(heard[i], sound[i]);
	EXPECT(control(SNDRV_PCM_IOCTL_DROP, 0), 0);
}

static u32 load(const char *path)
{
	long file = call(__NR_open, (long)path, 0, 0);
	long length = 0, got = 1;

	EXPECT(file >= 0, 1);
	for (; got > 0; length += got)
		got = call(__NR_read, file, (long)sound + length, (long)sizeof sound - length);
	EXPECT(got, 0);
	EXPECT(length > 0 && length % 4 == 0, 1);
	return (u32)length / 4;
}

static __attribute__((used)) void run(long *start)
{
	char **words = (char **)(start + 1);
	u32 frames;

	EXPECT(start[0], 5);
	mapping_is_refused = words[4][0] == 'r';
	frames = load(words[3]);
	node = (int)call(__NR_open, (long)words[2], 2, 0);
	EXPECT(node >= 0 ? 0 : node, 0);
	if (words[1][0] == 'p')
		play(frames);
	else if (words[1][1] == 'h')
		play_channels(frames);
	else
		record(frames);
	EXPECT(control(SNDRV_PCM_IOCTL_HW_FREE, 0), 0);
	call(__NR_exit, 0, 0, 0);
}

__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %esp, %eax\n"
	"	and $-16, %esp\n"
	"	sub $12, %esp\n"
	"	push %eax\n"
	"	call run\n");
