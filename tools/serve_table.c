/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "serve_table.h"

#include "serve_options.h"

/* Of a heartbeat; the timers of JavaScript clients overflow beyond 24 days. */
#define DAY 86400000u

#define AT(member)     offsetof(struct serve_options, member)
#define LIMIT(member)  offsetof(struct serve_options, server.member)
#define MAX_HEAD_BYTES 65535

/* clang-format off */
#define TITLE(text) {.kind = OPTION_TITLE, .help = (text)}
#define NUMBER(kind_, name_, arg_, member, min_, max_, preset_, help_) \
    {.kind = (kind_), .name = (name_), .arg = (arg_), .at = LIMIT(member), .min = (min_), \
     .max = (max_), .preset = (preset_), .help = (help_)}
#define TIME(name, member, max, preset, help) \
    NUMBER(OPTION_TIME, name, "MS", member, 1, max, preset, help)
#define COUNT(name, member, preset, help) \
    NUMBER(OPTION_COUNT, name, "N", member, 1, OPTION_NONE, preset, help)
#define BYTES(name, member, min, max, preset, help) \
    NUMBER(OPTION_BYTES, name, "BYTES", member, min, max, preset, help)

static const struct option_entry entries[] = {
    TITLE("What is served"),
    {.kind = OPTION_PORT, .letter = 'p', .name = "port", .arg = "N", .at = AT(port), .max = 65535,
     .preset = 3000, .env = "PORT",
     .help = "port to listen on; 0: any free one. The environment variable PORT, if set, is the "
             "default instead of"},
    {.kind = OPTION_TEXT, .name = "host", .arg = "ADDR", .at = AT(host),
     .help = "address or name of this machine to listen on, for example 127.0.0.1 (default: all "
             "addresses, IPv4 and IPv6)"},
    {.kind = OPTION_PATH, .name = "path", .arg = "PATH", .at = LIMIT(path),
     .help = "path of Socket.IO (default:~/socket.io). The demo page needs the default"},
    {.kind = OPTION_TEXT, .name = "static", .arg = "DIR", .at = AT(static_dir),
     .help = "serve the files of this directory instead of the demo page. Hidden files and "
             "symbolic links in it are not served"},
    {.kind = OPTION_FLAG, .name = "no-demo", .at = AT(no_demo),
     .help = "neither the demo page nor the chat behind it"},
    {.kind = OPTION_OWN, .set = serve_origins, .name = "cors", .arg = "ORIGIN", .at = AT(origins),
     .help = "allow pages of this origin, for example https://example.com; '*' allows all. May be "
             "repeated, or list several with blanks between (default: the server's own)"},
    {.kind = OPTION_OWN, .set = serve_transports, .name = "transports", .arg = "LIST",
     .at = LIMIT(transports),
     .help = "which to allow (default:~polling,websocket)"},

    TITLE("Messages"),
    {.kind = OPTION_LEVEL, .name = "log-level", .arg = "LEVEL", .at = LIMIT(log_level),
     .help = "none, error, warn, info or debug (default:~warn)"},
    {.kind = OPTION_TEXT, .name = "debug", .arg = "PATTERN", .at = LIMIT(debug), .env = "DEBUG",
     .help = "trace these components, for example 'engine*,socket.io:socket,-engine:ws' (default: "
             "the environment variable DEBUG)"},
    {.kind = OPTION_FLAG, .letter = 'q', .name = "quiet", .at = AT(quiet),
     .help = "say nothing but errors"},
    {.kind = OPTION_HELP, .letter = 'h', .name = "help", .help = "show this help"},

    TITLE("Heartbeat and times"),
    TIME("ping-interval", ping_interval_ms, DAY, 25000, "pause between heartbeats"),
    TIME("ping-timeout", ping_timeout_ms, DAY, 20000, "time to answer one"),
    TIME("upgrade-timeout", upgrade_timeout_ms, OPTION_NONE, 10000,
         "time to complete an upgrade to WebSocket"),
    TIME("connect-timeout", connect_timeout_ms, OPTION_NONE, 45000,
         "time to join a first namespace"),
    TIME("close-timeout", close_timeout_ms, OPTION_NONE, 30000,
         "wait for the client's part of closing"),

    TITLE("Limits of connections and HTTP requests"),
    {.kind = OPTION_TOTAL, .name = "max-connections", .arg = "N", .at = LIMIT(max_connections),
     .min = 1, .max = OPTION_NONE, .preset = OPTION_NONE,
     .help = "TCP connections at once (default: what the limit of open files allows)"},
    BYTES("max-head-bytes", max_head_bytes, 512, MAX_HEAD_BYTES, 16384,
          "request line and header fields, at most 65535"),
    NUMBER(OPTION_COUNT, "max-headers", "N", max_headers, 8, 10000, 200,
           "header fields of a request"),
    TIME("head-timeout", head_timeout_ms, OPTION_NONE, 10000,
         "from the first byte to the end of the head"),
    TIME("body-timeout", body_timeout_ms, OPTION_NONE, 30000,
         "from the head to the end of the body"),
    TIME("keep-alive-timeout", keep_alive_timeout_ms, OPTION_NONE, 10000,
         "idle connection between requests"),

    TITLE("Limits of what clients send"),
    BYTES("max-payload", max_payload_bytes, 1, UINT32_MAX - 64, 1000000,
          "largest message and largest polling body"),
    COUNT("max-fragments", max_fragments, 16384, "frames of one WebSocket message"),
    COUNT("max-attachments", max_attachments, 10, "binary attachments of one packet"),
    BYTES("max-attachment-bytes", max_attachment_bytes, 1, OPTION_NONE, 10000000, "their sum"),
    TIME("attachment-timeout", attachment_timeout_ms, OPTION_NONE, 60000,
         "time for all attachments of a packet to come"),
    COUNT("max-namespaces", max_namespaces_per_connection, 100, "namespaces that a client joins"),
    COUNT("max-dynamic-namespaces", max_dynamic_namespaces, 10000,
          "namespaces made by patterns and callbacks"),
    COUNT("max-rooms", max_rooms_per_socket, 10000, "rooms that a socket joins"),
    COUNT("max-pending-connects", max_pending_connects, 10000,
          "sockets that wait for a middleware, in all"),

    TITLE("Limits of what waits for slow clients"),
    BYTES("send-high-water", send_high_water_bytes, 1, OPTION_NONE, 65536,
          "above it, volatile events are dropped"),
    BYTES("send-soft", send_soft_bytes, 1, OPTION_NONE, 4u << 20, "a queue above it ..."),
    TIME("send-soft-time", send_soft_ms, OPTION_NONE, 60000,
         "... for this time closes the connection"),
    BYTES("send-hard", send_hard_bytes, 1, OPTION_NONE, 32u << 20,
          "a queue above it closes the connection at once"),
};
/* clang-format on */

static const struct option_table table = {entries, sizeof entries / sizeof entries[0]};

const struct option_command serve_command = {
    .name = "sio serve",
    .synopsis = "Usage: sio serve [OPTION]...\n"
                "\n"
                "Runs a Socket.IO server. Without options it listens on port 3000 and has a chat\n"
                "as its demo: open http://localhost:3000/ in several windows.\n"
                "It also answers /health (JSON) and /metrics (Prometheus).",
    .notes = "Units: MS are milliseconds, or with a unit: 500ms, 30s, 5m, 1h. BYTES may end\n"
             "with k, M or G (1024, 1024^2, 1024^3). 'none' lifts a limit, except those of the\n"
             "heartbeat, --max-payload, --max-head-bytes and --max-headers.\n"
             "\n"
             "SIGINT (Ctrl-C) and SIGTERM end the server in good order, a second one at once.\n"
             "\n"
             "Examples:\n"
             "  sio serve\n"
             "  sio serve --port 8080 --host 127.0.0.1\n"
             "  sio serve --static ./public --cors https://example.com\n"
             "  sio serve --max-payload 10M --ping-interval 10s --max-connections 5000\n"
             "  sio serve --debug 'engine*,-engine:ws'",
    .tables = {&table},
};
