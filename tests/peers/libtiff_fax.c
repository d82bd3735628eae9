/* libtiff as a peer of the fax codes: encodes and decodes pages that come by pipe, and times itself.
 *
 * A request is a line and its bytes; so is the answer.
 *   enc CODING WIDTH ROWS TIMES LENGTH   packed rows, 1 = black  ->  ok NANOSECONDS ROWS LENGTH   raw codes
 *   dec CODING WIDTH ROWS TIMES LENGTH   raw codes               ->  ok NANOSECONDS ROWS LENGTH   packed rows
 * CODING is mh, mr (both with EOLs, no RTC; K = 4) or mmr. NANOSECONDS is the shortest of TIMES. ROWS of the answer to `dec`
 * are those that came before libtiff gave up. The file around the codes lies in memory and is made outside of the time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tiffio.h>

struct memory {
    unsigned char *bytes;
    toff_t at, length, room;
};

static tmsize_t reads(thandle_t handle, void *into, tmsize_t count) {
    struct memory *m = handle;
    tmsize_t left = m->at < m->length ? (tmsize_t)(m->length - m->at) : 0;
    if (count > left) count = left;
    memcpy(into, m->bytes + m->at, count);
    m->at += count;
    return count;
}
static tmsize_t writes(thandle_t handle, void *from, tmsize_t count) {
    struct memory *m = handle;
    if (m->at + count > m->room) return 0;
    memcpy(m->bytes + m->at, from, count);
    m->at += count;
    if (m->at > m->length) m->length = m->at;
    return count;
}
static toff_t seeks(thandle_t handle, toff_t to, int whence) {
    struct memory *m = handle;
    m->at = whence == SEEK_SET ? to : whence == SEEK_CUR ? m->at + to : m->length + to;
    return m->at;
}
static int closes(thandle_t handle) { (void)handle; return 0; }
static toff_t sizes(thandle_t handle) { return ((struct memory *)handle)->length; }
static int maps(thandle_t handle, void **base, toff_t *size) {
    struct memory *m = handle;
    *base = m->bytes;
    *size = m->length;
    return 1;
}
static void unmaps(thandle_t handle, void *base, toff_t size) { (void)handle; (void)base; (void)size; }

static void fail(const char *why) {
    fprintf(stderr, "libtiff_fax: %s\n", why);
    exit(1);
}
static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
static TIFF *opened(struct memory *m, const char *mode) {
    m->at = 0;
    TIFF *tif = TIFFClientOpen("memory", mode, m, reads, writes, seeks, closes, sizes, maps, unmaps);
    if (!tif) fail("cannot open");
    return tif;
}
static TIFF *made(struct memory *m, const char *coding, uint32_t width, uint32_t rows) {
    m->at = m->length = 0;
    TIFF *tif = opened(m, "w");
    int g4 = !strcmp(coding, "mmr");
    TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(tif, TIFFTAG_IMAGELENGTH, rows);
    TIFFSetField(tif, TIFFTAG_ROWSPERSTRIP, rows);
    TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, 1);
    TIFFSetField(tif, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(tif, TIFFTAG_FILLORDER, FILLORDER_MSB2LSB);
    TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
    TIFFSetField(tif, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tif, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH);
    TIFFSetField(tif, TIFFTAG_XRESOLUTION, 204.0);
    TIFFSetField(tif, TIFFTAG_YRESOLUTION, 196.0); /* K = 4 */
    TIFFSetField(tif, TIFFTAG_COMPRESSION, g4 ? COMPRESSION_CCITTFAX4 : COMPRESSION_CCITTFAX3);
    TIFFSetField(tif, TIFFTAG_FAXMODE, FAXMODE_NORTC);
    if (!g4) TIFFSetField(tif, TIFFTAG_GROUP3OPTIONS, strcmp(coding, "mr") ? 0u : GROUP3OPT_2DENCODING);
    return tif;
}
static void answer(int64_t best, uint32_t rows, const void *bytes, size_t length) {
    printf("ok %lld %u %zu\n", (long long)best, rows, length);
    if (fwrite(bytes, 1, length, stdout) != length) fail("cannot answer");
    fflush(stdout);
}

static void encode(const char *coding, uint32_t width, uint32_t rows, int times, unsigned char *in, size_t length) {
    struct memory m = {malloc(length * 9 + 65536), 0, 0, length * 9 + 65536};
    int64_t best = INT64_MAX;
    TIFF *tif = NULL;
    while (times-- > 0) {
        if (tif) TIFFClose(tif);
        tif = made(&m, coding, width, rows);
        int64_t begun = now();
        if (TIFFWriteEncodedStrip(tif, 0, in, length) < 0 || !TIFFFlushData(tif)) fail("cannot encode");
        int64_t took = now() - begun;
        if (took < best) best = took;
    }
    uint64_t *at, *size;
    if (!TIFFGetField(tif, TIFFTAG_STRIPOFFSETS, &at) || !TIFFGetField(tif, TIFFTAG_STRIPBYTECOUNTS, &size)) fail("no strip");
    answer(best, rows, m.bytes + at[0], size[0]);
    TIFFClose(tif);
    free(m.bytes);
}

static void decode(const char *coding, uint32_t width, uint32_t rows, int times, unsigned char *in, size_t length) {
    struct memory m = {malloc(length + 65536), 0, 0, length + 65536};
    size_t stride = (width + 7) / 8, all = stride * rows;
    unsigned char *out = calloc(1, all + 1);
    TIFF *tif = made(&m, coding, width, rows);
    if (TIFFWriteRawStrip(tif, 0, in, length) < 0) fail("cannot wrap");
    TIFFClose(tif);
    tif = opened(&m, "r");
    int64_t best = INT64_MAX;
    tmsize_t got = 0;
    while (times-- > 0) {
        int64_t begun = now();
        got = TIFFReadEncodedStrip(tif, 0, out, all);
        int64_t took = now() - begun;
        if (took < best) best = took;
    }
    uint32_t whole = rows;
    if (got != (tmsize_t)all) {
        memset(out, 0, all);
        TIFFClose(tif);
        tif = opened(&m, "r");
        whole = 0;
        while (whole < rows && TIFFReadScanline(tif, out + whole * stride, whole, 0) > 0) whole++;
    }
    answer(best, whole, out, whole * stride);
    TIFFClose(tif);
    free(out);
    free(m.bytes);
}

int main(void) {
    char line[200], what[4], coding[4];
    unsigned width, rows;
    int times;
    size_t length;
    TIFFSetWarningHandler(NULL);
    TIFFSetErrorHandler(NULL);
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "%3s %3s %u %u %d %zu", what, coding, &width, &rows, &times, &length) != 6) fail("not a request");
        unsigned char *in = malloc(length + 1);
        if (fread(in, 1, length, stdin) != length) fail("a request was cut off");
        if (!strcmp(what, "enc")) encode(coding, width, rows, times, in, length);
        else decode(coding, width, rows, times, in, length);
        free(in);
    }
    return 0;
}
