/* SpanDSP's T.38 terminal as a peer of ours: a fax machine that sends or receives a TIFF file in IFP packets.
 *
 *   spandsp_t38 pipe caller|answerer FILE ecm|plain mh|mr|mmr VERSION
 *   spandsp_t38 udp  caller|answerer FILE ecm|plain mh|mr|mmr VERSION LOCAL-PORT FAR-PORT
 *
 * By pipe it is stepped and has no time of its own. A request is a line:
 *   ifp NUMBER HEX    a packet of the far end
 *   step SAMPLES      so much time passes, at 8000 a second
 *   quit
 * The answer to each is any number of lines, and then `ok`:
 *   tx TIMES HEX      a packet to the far end, worth sending so often
 *   page CODE         a page was sent or received, and what was answered
 *   done CODE TEXT    the call is over; 0 is well
 * With udp it runs in real time, is its own UDPTL with three packets repeated, and prints `page` and `done`.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <tiffio.h>
#define SPANDSP_EXPOSE_INTERNAL_STRUCTURES
#include <spandsp.h>

#define SAMPLES 160 /* 20 ms */

static int by_udp, over, sock;
static struct { int length; unsigned char octets[512]; } before[3];
static unsigned number;

static void send_udptl(const uint8_t *octets, int length, int times) {
    unsigned char out[4096];
    int at = 0, count = number < 3 ? (int)number : 3;
    if (length > (int)sizeof before[0].octets) return;
    out[at++] = number >> 8 & 255;
    out[at++] = number & 255;
    for (int n = -1; n < count; n++) {
        const unsigned char *from = n < 0 ? octets : before[n].octets;
        int size = n < 0 ? length : before[n].length;
        if (size >= 128) out[at++] = 0x80 | size >> 8;
        out[at++] = size & 255;
        memcpy(out + at, from, size);
        at += size;
        if (n < 0) {
            out[at++] = 0; /* packets before, no parity */
            out[at++] = count;
        }
    }
    memmove(before + 1, before, 2 * sizeof before[0]);
    before[0].length = length;
    memcpy(before[0].octets, octets, length);
    number++;
    do {
        if (send(sock, out, at, 0) < 0 && getenv("SPANDSP_SAYS")) perror("send");
    } while (--times > 0);
}

static int packet(t38_core_state_t *core, void *user, const uint8_t *octets, int length, int times) {
    (void)core, (void)user;
    if (by_udp) {
        send_udptl(octets, length, times);
        return 0;
    }
    printf("tx %d ", times);
    for (int n = 0; n < length; n++) printf("%02x", octets[n]);
    putchar('\n');
    return 0;
}
static int phase_d(t30_state_t *t30, void *user, int code) {
    (void)t30, (void)user;
    printf("page %d\n", code);
    return T30_ERR_OK;
}
static void phase_e(t30_state_t *t30, void *user, int code) {
    (void)t30, (void)user;
    printf("done %d %s\n", code, t30_completion_code_to_str(code));
    if (by_udp) fflush(stdout);
    over = 1;
}

static int length_of(const unsigned char *from, int left, int *at) {
    if (*at >= left) return -1;
    int size = from[(*at)++];
    if (size < 128) return size;
    if (*at >= left || size >= 0xc0) return -1;
    return (size & 0x3f) << 8 | from[(*at)++];
}
/* A datagram: what was before it first, if that is missing. */
static void receive_udptl(t38_core_state_t *core, const unsigned char *in, int length, int *next) {
    const unsigned char *packets[64];
    int sizes[64], at = 2, count;
    if (length < 4) return;
    int seq = in[0] << 8 | in[1];
    if ((sizes[0] = length_of(in, length, &at)) < 0 || at + sizes[0] + 2 > length) return;
    packets[0] = in + at;
    at += sizes[0];
    if (in[at++] & 0x80) count = 0;
    else if ((count = length_of(in, length, &at)) < 0 || count > 63) return;
    for (int n = 1; n <= count; n++) {
        if ((sizes[n] = length_of(in, length, &at)) < 0 || at + sizes[n] > length) return;
        packets[n] = in + at;
        at += sizes[n];
    }
    for (int n = count; n >= 0; n--)
        if (seq - n >= *next) {
            t38_core_rx_ifp_packet(core, packets[n], sizes[n], (uint16_t)(seq - n));
            *next = seq - n + 1;
        }
}
static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}
static void live(t38_terminal_state_t *terminal, t38_core_state_t *core, int here, int there) {
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(here), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int next = 0, rest = 25;
    sock = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(sock, (struct sockaddr *)&at, sizeof at)) {
        perror("bind");
        exit(1);
    }
    at.sin_port = htons(there);
    if (connect(sock, (struct sockaddr *)&at, sizeof at)) {
        perror("connect");
        exit(1);
    }
    puts("ready");
    fflush(stdout);
    long long due = now();
    while (rest > 0) {
        unsigned char in[8192];
        struct pollfd p = { .fd = sock, .events = POLLIN };
        long long left = due - now();
        if (left > 0 && poll(&p, 1, (int)(left / 1000 + 1)) > 0) {
            ssize_t length = recv(sock, in, sizeof in, 0);
            if (length > 0) receive_udptl(core, in, (int)length, &next);
            continue;
        }
        if (left > 0) continue;
        due += SAMPLES * 125;
        t38_terminal_send_timeout(terminal, SAMPLES);
        if (over) rest--;
    }
}

int main(int count, char **words) {
    if (count < 7) return 2;
    by_udp = !strcmp(words[1], "udp");
    int caller = !strcmp(words[2], "caller"), ecm = !strcmp(words[4], "ecm");
    int coding = !strcmp(words[5], "mh") ? T30_SUPPORT_T4_1D_COMPRESSION
        : !strcmp(words[5], "mr") ? T30_SUPPORT_T4_1D_COMPRESSION | T30_SUPPORT_T4_2D_COMPRESSION
        : T30_SUPPORT_T4_1D_COMPRESSION | T30_SUPPORT_T4_2D_COMPRESSION | T30_SUPPORT_T6_COMPRESSION;
    TIFFSetWarningHandler(NULL);
    t38_terminal_state_t *terminal = t38_terminal_init(NULL, caller, packet, NULL);
    if (!terminal) return 1;
    t30_state_t *t30 = t38_terminal_get_t30_state(terminal);
    t38_core_state_t *core = t38_terminal_get_t38_core_state(terminal);
    t38_set_t38_version(core, atoi(words[6]));
    t38_set_data_rate_management_method(core, T38_DATA_RATE_MANAGEMENT_TRANSFERRED_TCF);
    t38_terminal_set_tep_mode(terminal, 0);
    if (getenv("SPANDSP_SAYS")) {
        span_log_set_level(t38_terminal_get_logging_state(terminal), SPAN_LOG_SHOW_SEVERITY | SPAN_LOG_SHOW_PROTOCOL | SPAN_LOG_FLOW);
        span_log_set_level(t38_core_get_logging_state(core), SPAN_LOG_SHOW_SEVERITY | SPAN_LOG_SHOW_PROTOCOL | SPAN_LOG_FLOW);
        span_log_set_level(t30_get_logging_state(t30), SPAN_LOG_SHOW_SEVERITY | SPAN_LOG_SHOW_PROTOCOL | SPAN_LOG_FLOW);
    }
    t30_set_supported_modems(t30, T30_SUPPORT_V27TER | T30_SUPPORT_V29 | T30_SUPPORT_V17);
    t30_set_supported_compressions(t30, coding);
    t30_set_supported_resolutions(t30, T30_SUPPORT_STANDARD_RESOLUTION | T30_SUPPORT_FINE_RESOLUTION | T30_SUPPORT_SUPERFINE_RESOLUTION);
    t30_set_supported_image_sizes(t30, T30_SUPPORT_215MM_WIDTH | T30_SUPPORT_255MM_WIDTH | T30_SUPPORT_303MM_WIDTH
        | T30_SUPPORT_UNLIMITED_LENGTH | T30_SUPPORT_A4_LENGTH | T30_SUPPORT_B4_LENGTH);
    t30_set_ecm_capability(t30, ecm);
    t30_set_tx_ident(t30, caller ? "12025550123" : "70955550177");
    t30_set_phase_d_handler(t30, phase_d, NULL);
    t30_set_phase_e_handler(t30, phase_e, NULL);
    if (caller) t30_set_tx_file(t30, words[3], -1, -1);
    else t30_set_rx_file(t30, words[3], -1);
    if (by_udp) {
        if (count < 9) return 2;
        live(terminal, core, atoi(words[7]), atoi(words[8]));
        t38_terminal_free(terminal);
        return 0;
    }
    static char line[65536];
    static uint8_t octets[32768];
    while (fgets(line, sizeof line, stdin) && strncmp(line, "quit", 4)) {
        int seq, samples, used = 0, length = 0;
        if (sscanf(line, "ifp %d %n", &seq, &used) == 1) {
            for (char *hex = line + used; sscanf(hex, "%2hhx", octets + length) == 1; hex += 2) length++;
            t38_core_rx_ifp_packet(core, octets, length, (uint16_t)seq);
        } else if (sscanf(line, "step %d", &samples) == 1) {
            for (; samples > 0; samples -= SAMPLES) t38_terminal_send_timeout(terminal, samples < SAMPLES ? samples : SAMPLES);
        } else {
            puts("what?");
        }
        puts("ok");
        fflush(stdout);
    }
    /* Its end closes the file it received. */
    t38_terminal_release(terminal);
    t38_terminal_free(terminal);
    return 0;
}
