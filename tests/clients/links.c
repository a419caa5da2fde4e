/* Links a playback and a capture PCM with alsa-lib's snd_pcm_link and says what comes of it.
 *
 * Usage: links PLAYBACK CAPTURE      PCM names such as hw:7,0
 *
 * Nothing it prints depends on how fast the machine is: no stream runs dry by itself unless that is what is asked, and
 * distances are told only as "within a period" or with a number where they are not. */
#include <alsa/asoundlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RATE = 48000, CHANNELS = 2, PERIOD = 1200, BUFFER = 12000 };

static snd_pcm_t *out, *in;

static void must(int result, const char *what)
{
	if (result < 0) {
		printf("%s: %s\n", what, snd_strerror(result));
		exit(1);
	}
}

static void said(const char *what, long result)
{
	printf("%s: %ld, states %s and %s\n", what, result, snd_pcm_state_name(snd_pcm_state(out)),
	       snd_pcm_state_name(snd_pcm_state(in)));
	fflush(stdout);
}

static void set_software(snd_pcm_t *pcm, snd_pcm_uframes_t stop)
{
	snd_pcm_sw_params_t *sw;
	snd_pcm_uframes_t boundary;
	snd_pcm_sw_params_alloca(&sw);
	must(snd_pcm_sw_params_current(pcm, sw), "sw_params_current");
	must(snd_pcm_sw_params_get_boundary(sw, &boundary), "boundary");
	must(snd_pcm_sw_params_set_start_threshold(pcm, sw, boundary), "start_threshold");
	must(snd_pcm_sw_params_set_stop_threshold(pcm, sw, stop ? stop : boundary), "stop_threshold");
	must(snd_pcm_sw_params_set_tstamp_mode(pcm, sw, SND_PCM_TSTAMP_ENABLE), "tstamp_mode");
	must(snd_pcm_sw_params_set_tstamp_type(pcm, sw, SND_PCM_TSTAMP_TYPE_MONOTONIC), "tstamp_type");
	must(snd_pcm_sw_params(pcm, sw), "sw_params");
}

static snd_pcm_t *open_pcm(const char *name, snd_pcm_stream_t stream)
{
	snd_pcm_t *pcm;
	snd_pcm_hw_params_t *hw;
	snd_pcm_uframes_t period = PERIOD, buffer = BUFFER;
	unsigned int rate = RATE;
	snd_pcm_hw_params_alloca(&hw);
	must(snd_pcm_open(&pcm, name, stream, 0), name);
	must(snd_pcm_hw_params_any(pcm, hw), "hw_params_any");
	must(snd_pcm_hw_params_set_access(pcm, hw, SND_PCM_ACCESS_RW_INTERLEAVED), "access");
	must(snd_pcm_hw_params_set_format(pcm, hw, SND_PCM_FORMAT_S16_LE), "format");
	must(snd_pcm_hw_params_set_channels(pcm, hw, CHANNELS), "channels");
	must(snd_pcm_hw_params_set_rate(pcm, hw, rate, 0), "rate");
	must(snd_pcm_hw_params_set_period_size(pcm, hw, period, 0), "period");
	must(snd_pcm_hw_params_set_buffer_size(pcm, hw, buffer), "buffer");
	must(snd_pcm_hw_params(pcm, hw), "hw_params");
	set_software(pcm, 0);
	return pcm;
}

static void fill(snd_pcm_uframes_t frames)
{
	static short silence[BUFFER * CHANNELS];
	snd_pcm_sframes_t written = snd_pcm_writei(out, silence, frames);
	if (written != (snd_pcm_sframes_t)frames) {
		printf("writei: %ld\n", (long)written);
		exit(1);
	}
}

static double seconds(snd_htimestamp_t at)
{
	return at.tv_sec + at.tv_nsec / 1e9;
}

/* When it was started, when it was looked at, and how far it had come. */
static void look(snd_pcm_t *pcm, snd_pcm_status_t *status, double *started, double *now, double *frames)
{
	snd_htimestamp_t at;
	must(snd_pcm_status(pcm, status), "status");
	snd_pcm_status_get_trigger_htstamp(status, &at);
	*started = seconds(at);
	snd_pcm_status_get_htstamp(status, &at);
	*now = seconds(at);
	*frames = snd_pcm_status_get_avail(status);
}

static void within_a_period(const char *what, double frames)
{
	if (frames < 0)
		frames = -frames;
	if (frames <= PERIOD)
		printf("%s: within a period\n", what);
	else
		printf("%s: %.0f frames apart\n", what, frames);
}

static void compare_starts(void)
{
	snd_pcm_status_t *status;
	double started[2], now[2], frames[2];
	snd_pcm_status_alloca(&status);
	look(out, status, &started[0], &now[0], &frames[0]);
	look(in, status, &started[1], &now[1], &frames[1]);
	within_a_period("their starts by the clock", (started[1] - started[0]) * RATE);
	/* The ring was full: what is free now was played. */
	within_a_period("their starts by what they moved",
			(frames[1] - frames[0]) - (now[1] - now[0]) * RATE);
}

static void pass(int periods)
{
	struct timespec time = { 0, (long)periods * PERIOD * 1000 / (RATE / 1000) * 1000 };
	nanosleep(&time, NULL);
}

/* Linked, in PREPARED, the playback full. */
static void link_full(void)
{
	must(snd_pcm_drop(out), "drop");
	must(snd_pcm_drop(in), "drop");
	must(snd_pcm_prepare(out), "prepare");
	must(snd_pcm_prepare(in), "prepare");
	must(snd_pcm_link(out, in), "link");
	fill(BUFFER);
}

static void links(void)
{
	said("link", snd_pcm_link(out, in));
	said("link again", snd_pcm_link(out, in));
	said("link the other way", snd_pcm_link(in, out));
	set_software(out, BUFFER);
	said("start an empty one", snd_pcm_start(in));
	set_software(out, 0);
	fill(BUFFER);
	said("start", snd_pcm_start(out));
	pass(3);
	compare_starts();
	if (getenv("CAN_PAUSE")) {
		said("pause", snd_pcm_pause(in, 1));
		said("pause again", snd_pcm_pause(out, 1));
		said("release", snd_pcm_pause(out, 0));
	}
	said("drop", snd_pcm_drop(in));
	said("prepare", snd_pcm_prepare(out));
	said("unlink", snd_pcm_unlink(in));
	said("unlink again", snd_pcm_unlink(in));
	said("unlink the other", snd_pcm_unlink(out));
	fill(BUFFER);
	said("start alone", snd_pcm_start(out));
}

static void endings(void)
{
	short sample[CHANNELS];
	link_full();
	said("start", snd_pcm_start(in));
	/* A capture that has something to hand over drains. */
	snd_pcm_wait(in, 5000);
	said("drain", snd_pcm_drain(out));
	said("read the rest", snd_pcm_readi(in, sample, 1));
	must(snd_pcm_unlink(out), "unlink");

	set_software(out, BUFFER);
	link_full();
	said("start", snd_pcm_start(out));
	for (int i = 0; i < 500 && snd_pcm_state(in) == SND_PCM_STATE_RUNNING; i++) {
		snd_pcm_avail(out);
		pass(1);
	}
	said("run dry", 0);
	must(snd_pcm_unlink(out), "unlink");

	set_software(out, 0);
	link_full();
	said("start", snd_pcm_start(out));
	snd_pcm_close(out);
	printf("close one: the other is %s\n", snd_pcm_state_name(snd_pcm_state(in)));
	printf("unlink: %d\n", snd_pcm_unlink(in));
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: links PLAYBACK CAPTURE\n");
		return 2;
	}
	out = open_pcm(argv[1], SND_PCM_STREAM_PLAYBACK);
	in = open_pcm(argv[2], SND_PCM_STREAM_CAPTURE);
	links();
	endings();
	snd_pcm_close(in);
	return 0;
}
