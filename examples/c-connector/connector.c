// A source in C: each event is a record with the event's own payload, keyed by the header `x-tenant`.
//
// There is no SDK: this file fills the columns that guest-sdk/ hides, so it is also a picture of the contract.

#include <stdlib.h>
#include <string.h>

#include "source_connector.h"

typedef exports_danube_connector_source_event_batch_t events_t;
typedef exports_danube_connector_source_record_batch_t records_t;
typedef exports_danube_connector_source_failure_t failure_t;

// The topic of the one endpoint that pipeline.toml has. A connector with several reads them from the settings, which are JSON.
static const char TOPIC[] = "/default/events";

static const char TENANT[] = "x-tenant";

// Where value `at` of a column of byte strings lies.
static uint8_t *value(const danube_connector_types_blobs_t *column, size_t at, size_t *length) {
    uint32_t start = at == 0 ? 0 : column->ends.ptr[at - 1];
    *length = column->ends.ptr[at] - start;
    return column->bytes.ptr + start;
}

bool exports_danube_connector_source_initialize(exports_danube_connector_source_configuration_t *config,
                                                exports_danube_connector_source_interests_t *wants, failure_t *failure) {
    (void)failure;
    source_connector_string_t *names = malloc(sizeof *names);
    source_connector_string_dup(names, "headers");
    wants->ptr = names;
    wants->len = 1;
    exports_danube_connector_source_configuration_free(config);
    return true;
}

bool exports_danube_connector_source_producer_configs(exports_danube_connector_source_list_producer_config_t *configs,
                                                      failure_t *failure) {
    (void)failure;
    exports_danube_connector_source_producer_config_t *config = calloc(1, sizeof *config);
    source_connector_string_dup(&config->topic, TOPIC);
    config->reliable_dispatch = true;
    configs->ptr = config;
    configs->len = 1;
    return true;
}

// The header of an event, zero bytes where it has none.
static uint8_t *tenant(const events_t *events, size_t at, size_t *length) {
    const danube_connector_types_attributes_t *headers = &events->headers;
    size_t pair = at == 0 ? 0 : headers->ends.ptr[at - 1];
    for (; at < headers->ends.len && pair < headers->ends.ptr[at]; pair++) {
        const uint8_t *name = value(&headers->names, pair, length);
        if (*length == sizeof TENANT - 1 && memcmp(name, TENANT, *length) == 0)
            return value(&headers->values, pair, length);
    }
    *length = 0;
    return NULL;
}

// Appends the key of event `at` to the column of keys.
static void push_key(records_t *records, const events_t *events, size_t at) {
    size_t length;
    const uint8_t *key = tenant(events, at, &length);
    danube_connector_types_blobs_t *keys = &records->keys;
    if (length > 0) {
        keys->bytes.ptr = realloc(keys->bytes.ptr, keys->bytes.len + length);
        memcpy(keys->bytes.ptr + keys->bytes.len, key, length);
        keys->bytes.len += length;
    }
    keys->ends.ptr[at] = keys->bytes.len;
}

bool exports_danube_connector_source_poll(events_t *events, records_t *records, failure_t *failure) {
    (void)failure;
    size_t n = events->payloads.ends.len;
    memset(records, 0, sizeof *records);
    if (n > 0) {
        records->topics.names.ptr = malloc(sizeof *records->topics.names.ptr);
        records->topics.names.len = 1;
        source_connector_string_dup(records->topics.names.ptr, TOPIC);
        records->topics.index.ptr = calloc(n, sizeof(uint32_t));
        records->topics.index.len = n;
        records->payloads.reuse.ptr = malloc(n * sizeof(uint32_t));
        records->payloads.reuse.len = n;
        records->keys.ends.ptr = malloc(n * sizeof(uint32_t));
        records->keys.ends.len = n;
    }
    for (size_t at = 0; at < n; at++) {
        records->payloads.reuse.ptr[at] = (uint32_t)at + 1; // the payload of event `at`, which does not cross again
        push_key(records, events, at);
    }
    // Origins stay empty: record i came from event i.
    exports_danube_connector_source_event_batch_free(events);
    return true;
}
