/*
 * LADSPA plug-ins that put the high band back: tfbwe_mono and tfbwe_stereo, at 44.1 kHz alone.
 *
 * The models are read from the folder in the environment variable TFBWE_MODELS, else from the one where CMake
 * installs them. Not marked HARD_RT_CAPABLE: TFLite takes scratch memory from malloc while it runs a hop.
 */
#include <ladspa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tfbwe.h>

#ifndef TFBWE_MODELS_FOLDER
#define TFBWE_MODELS_FOLDER "/usr/local/share/tfbwe"
#endif

#if defined(__GNUC__)
#define SHOWN __attribute__((visibility("default")))
#else
#define SHOWN
#endif

enum {
    MAX_CHANNELS = 2,
    BLOCK = 512,
    CONTROLS = 3,
    MAX_PORTS = 2 * MAX_CHANNELS + CONTROLS,
    /* Of the range 1 to 1000, which LADSPA leaves to development: there are no registered numbers yet. */
    ID_MONO = 441,
    ID_STEREO = 442
};

/* The ports: all inputs, all outputs, then these. */
enum { CUTOFF, DIFFUSE, LATENCY };

typedef struct {
    tfbwe *decoder;
    int channels;
    LADSPA_Data *ports[MAX_PORTS];
    float samples[MAX_CHANNELS][BLOCK];
} plugin;

static int channels_of(const LADSPA_Descriptor *descriptor) { return descriptor->UniqueID == ID_MONO ? 1 : 2; }

/* ---- Life ---- */

static tfbwe *open_model(const char *label, int channels)
{
    const char *folder = getenv("TFBWE_MODELS"), *side = channels == 1 ? "mono" : "stereo";
    tfbwe_error error = TFBWE_ERROR_MEMORY;
    tfbwe *decoder = NULL;
    if (!folder || !*folder)
        folder = TFBWE_MODELS_FOLDER;
    size_t size = strlen(folder) + sizeof "/stft-stereo.tflite";
    char *path = malloc(size);
    if (path) {
        snprintf(path, size, "%s/stft-%s.tflite", folder, side);
        decoder = tfbwe_create_file(path, channels, &error);
    }
    if (!decoder)
        fprintf(stderr, "%s: %s/stft-%s.tflite: %s; TFBWE_MODELS names the folder of the models\n", label, folder,
                side, tfbwe_error_text(error));
    free(path);
    return decoder;
}

static LADSPA_Handle instantiate(const LADSPA_Descriptor *descriptor, unsigned long sample_rate)
{
    if (sample_rate != TFBWE_SAMPLE_RATE) {
        fprintf(stderr, "%s: expected 44100 samples a second, received %lu; set the host to 44100, or resample\n",
                descriptor->Label, sample_rate);
        return NULL;
    }
    plugin *p = calloc(1, sizeof *p);
    if (!p) {
        fprintf(stderr, "%s: %s\n", descriptor->Label, tfbwe_error_text(TFBWE_ERROR_MEMORY));
        return NULL;
    }
    p->channels = channels_of(descriptor);
    p->decoder = open_model(descriptor->Label, p->channels);
    if (!p->decoder) {
        free(p);
        return NULL;
    }
    return p;
}

static void connect_port(LADSPA_Handle handle, unsigned long port, LADSPA_Data *data)
{
    if (port < MAX_PORTS)
        ((plugin *)handle)->ports[port] = data;
}

static void activate(LADSPA_Handle handle) { tfbwe_reset(((plugin *)handle)->decoder); }

static void cleanup(LADSPA_Handle handle)
{
    tfbwe_destroy(((plugin *)handle)->decoder);
    free(handle);
}

/* ---- Run ---- */

/* Hold a setting within 0 to `most`; NaN is 0. */
static float held(float x, float most) { return !(x > 0) ? 0 : x > most ? most : x; }

static void take_settings(plugin *p)
{
    LADSPA_Data *const *controls = p->ports + 2 * p->channels;
    if (controls[CUTOFF])
        tfbwe_set_cutoff(p->decoder, held(*controls[CUTOFF], TFBWE_SAMPLE_RATE / 2));
    if (controls[DIFFUSE])
        tfbwe_set_diffuse(p->decoder, held(*controls[DIFFUSE], 1));
    if (controls[LATENCY])
        *controls[LATENCY] = (float)tfbwe_latency(p->decoder);
}

/*
 * The samples go through a buffer of the plug-in's own, since a host may give any output the memory of any
 * input, such as the left output that of the right input.
 */
static void run(LADSPA_Handle handle, unsigned long frames)
{
    plugin *p = handle;
    float *out[MAX_CHANNELS];
    const float *in[MAX_CHANNELS];
    take_settings(p);
    for (unsigned long done = 0, count; done < frames; done += count) {
        count = frames - done < BLOCK ? frames - done : BLOCK;
        for (int c = 0; c < p->channels; c++) {
            in[c] = out[c] = p->samples[c];
            memcpy(out[c], p->ports[c] + done, count * sizeof *out[c]);
        }
        /* Samples that are no numbers count as lost. If TFLite fails, the received band is there all the same. */
        if (tfbwe_process(p->decoder, in, out, count) == TFBWE_ERROR_SAMPLES)
            tfbwe_process(p->decoder, NULL, out, count);
        for (int c = 0; c < p->channels; c++)
            memcpy(p->ports[p->channels + c] + done, out[c], count * sizeof *out[c]);
    }
}

/* ---- What a host reads ---- */

enum {
    AUDIO_IN = LADSPA_PORT_INPUT | LADSPA_PORT_AUDIO,
    AUDIO_OUT = LADSPA_PORT_OUTPUT | LADSPA_PORT_AUDIO,
    CONTROL_IN = LADSPA_PORT_INPUT | LADSPA_PORT_CONTROL,
    CONTROL_OUT = LADSPA_PORT_OUTPUT | LADSPA_PORT_CONTROL,
    BOUNDED = LADSPA_HINT_BOUNDED_BELOW | LADSPA_HINT_BOUNDED_ABOVE
};

/* The default cutoff is the middle, 11025 Hz; hosts ask for the latency by its name. */
#define CUTOFF_HINT {BOUNDED | LADSPA_HINT_DEFAULT_MIDDLE, 0, TFBWE_SAMPLE_RATE / 2}
#define DIFFUSE_HINT {BOUNDED | LADSPA_HINT_DEFAULT_1, 0, 1}
#define CONTROL_NAMES "Cutoff (Hz)", "Diffuse", "latency"

static const LADSPA_PortDescriptor MONO_PORTS[] = {AUDIO_IN, AUDIO_OUT, CONTROL_IN, CONTROL_IN, CONTROL_OUT};
static const char *const MONO_NAMES[] = {"Input", "Output", CONTROL_NAMES};
static const LADSPA_PortRangeHint MONO_HINTS[] = {{0, 0, 0}, {0, 0, 0}, CUTOFF_HINT, DIFFUSE_HINT, {0, 0, 0}};

static const LADSPA_PortDescriptor STEREO_PORTS[] = {AUDIO_IN,   AUDIO_IN,   AUDIO_OUT,  AUDIO_OUT,
                                                     CONTROL_IN, CONTROL_IN, CONTROL_OUT};
static const char *const STEREO_NAMES[] = {"Input left",   "Input right", "Output left",
                                           "Output right", CONTROL_NAMES};
static const LADSPA_PortRangeHint STEREO_HINTS[] = {{0, 0, 0},   {0, 0, 0},    {0, 0, 0}, {0, 0, 0},
                                                    CUTOFF_HINT, DIFFUSE_HINT, {0, 0, 0}};

#define PLUGIN(id, label, title, channels, ports, names, hints)                                                   \
    {                                                                                                             \
        .UniqueID = (id), .Label = (label), .Name = (title), .Maker = "tfbwe", .Copyright = "Apache-2.0",          \
        .PortCount = 2 * (channels) + CONTROLS, .PortDescriptors = (ports), .PortNames = (names),                 \
        .PortRangeHints = (hints), .instantiate = instantiate, .connect_port = connect_port,                      \
        .activate = activate, .run = run, .cleanup = cleanup                                                      \
    }

static const LADSPA_Descriptor PLUGINS[] = {
    PLUGIN(ID_MONO, "tfbwe_mono", "Bandwidth extension, mono", 1, MONO_PORTS, MONO_NAMES, MONO_HINTS),
    PLUGIN(ID_STEREO, "tfbwe_stereo", "Bandwidth extension, stereo", 2, STEREO_PORTS, STEREO_NAMES, STEREO_HINTS)};

SHOWN const LADSPA_Descriptor *ladspa_descriptor(unsigned long index)
{
    return index < sizeof PLUGINS / sizeof *PLUGINS ? &PLUGINS[index] : NULL;
}
