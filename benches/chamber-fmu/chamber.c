/* A thermal chamber as an FMU of FMI 3.0: air and load as two lumped capacities, a heater and a fan.
 *
 * The physics is that of testbed/plants/heat.py, without the vent. All that it knows is one array of
 * numbers, so that a copy of its state is a copy of that array. It can be stepped (co-simulation) and
 * be asked for its rates (model exchange).
 *
 * tools/build-fmu benches/chamber-fmu makes benches/chamber.fmu of it.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmi3Functions.h"

/* Value references of modelDescription.xml. */
enum {
    TIME, AIR, AIR_RATE, LOAD, LOAD_RATE, HEATER_DUTY, FAN_SPEED, AIR_CAPACITY, LOAD_CAPACITY, HEATER_POWER,
    WALL_CONDUCTANCE, STILL_CONVECTION, FORCED_CONVECTION, AMBIENT, COUNT
};

#define TOKEN "{5d1e0a4c-9f41-4c06-8f3b-a7c2de180001}"
#define RATED_FAN_SPEED 1500.0 /* rpm at which the forced convection is given */
#define STEP 0.05              /* s, of Runge-Kutta; the fastest time constant is about 3 s */

static const double START[COUNT] = {
    0, 22, 0, 22, 0, 0, 0, 45, 40, 500, 0.8, 2, 6, 22
};

typedef struct {
    double values[COUNT];
    fmi3InstanceEnvironment environment;
    fmi3LogMessageCallback log;
} Chamber;

static fmi3Status failed(Chamber *chamber, const char *format, ...) {
    char text[200];
    va_list given;
    va_start(given, format);
    vsnprintf(text, sizeof text, format, given);
    va_end(given);
    if (chamber->log)
        chamber->log(chamber->environment, fmi3Error, "logStatusError", text);
    return fmi3Error;
}

/* Physics ------------------------------------------------------------------------------------------- */

static void find_rates(double *v) {
    double speed = v[FAN_SPEED] > 0 ? v[FAN_SPEED] : 0;
    double forced = v[FORCED_CONVECTION] * pow(speed / RATED_FAN_SPEED, 0.6);
    double to_load = (v[STILL_CONVECTION] + forced) * (v[AIR] - v[LOAD]);
    double to_room = v[WALL_CONDUCTANCE] * (v[AIR] - v[AMBIENT]);
    double heating = v[HEATER_POWER] * v[HEATER_DUTY] / 100;
    v[AIR_RATE] = (heating - to_load - to_room) / v[AIR_CAPACITY];
    v[LOAD_RATE] = to_load / v[LOAD_CAPACITY];
}

static void step(double *v, double seconds) {
    static const double share[] = {0, 0.5, 0.5, 1}, weight[] = {1, 2, 2, 1};
    double air = v[AIR], load = v[LOAD], air_sum = 0, load_sum = 0;
    for (int stage = 0; stage < 4; stage++) {
        v[AIR] = air + share[stage] * seconds * v[AIR_RATE];
        v[LOAD] = load + share[stage] * seconds * v[LOAD_RATE];
        find_rates(v);
        air_sum += weight[stage] * v[AIR_RATE];
        load_sum += weight[stage] * v[LOAD_RATE];
    }
    v[AIR] = air + seconds / 6 * air_sum;
    v[LOAD] = load + seconds / 6 * load_sum;
}

/* From start to end --------------------------------------------------------------------------------- */

static fmi3Instance start(fmi3String token, fmi3InstanceEnvironment environment, fmi3LogMessageCallback log) {
    Chamber *chamber = calloc(1, sizeof *chamber);
    if (!chamber)
        return NULL;
    chamber->environment = environment;
    chamber->log = log;
    memcpy(chamber->values, START, sizeof START);
    if (strcmp(token, TOKEN)) {
        failed(chamber, "the instantiation token %s is not that of this library", token);
        free(chamber);
        return NULL;
    }
    return chamber;
}

fmi3Instance fmi3InstantiateCoSimulation(
    fmi3String name, fmi3String token, fmi3String resources, fmi3Boolean visible, fmi3Boolean logging,
    fmi3Boolean event_mode, fmi3Boolean early_return, const fmi3ValueReference intermediate[], size_t count,
    fmi3InstanceEnvironment environment, fmi3LogMessageCallback log, fmi3IntermediateUpdateCallback update) {
    return start(token, environment, log);
}

fmi3Instance fmi3InstantiateModelExchange(
    fmi3String name, fmi3String token, fmi3String resources, fmi3Boolean visible, fmi3Boolean logging,
    fmi3InstanceEnvironment environment, fmi3LogMessageCallback log) {
    return start(token, environment, log);
}

void fmi3FreeInstance(fmi3Instance instance) { free(instance); }

fmi3Status fmi3Reset(fmi3Instance instance) {
    memcpy(((Chamber *)instance)->values, START, sizeof START);
    return fmi3OK;
}

fmi3Status fmi3EnterInitializationMode(
    fmi3Instance instance, fmi3Boolean with_tolerance, fmi3Float64 tolerance, fmi3Float64 time,
    fmi3Boolean stops, fmi3Float64 stop) {
    ((Chamber *)instance)->values[TIME] = time;
    return fmi3OK;
}

fmi3Status fmi3ExitInitializationMode(fmi3Instance instance) { return fmi3OK; }
fmi3Status fmi3Terminate(fmi3Instance instance) { return fmi3OK; }
fmi3Status fmi3EnterEventMode(fmi3Instance instance) { return fmi3OK; }
fmi3Status fmi3EnterContinuousTimeMode(fmi3Instance instance) { return fmi3OK; }
fmi3Status fmi3EnterConfigurationMode(fmi3Instance instance) { return fmi3OK; }
fmi3Status fmi3ExitConfigurationMode(fmi3Instance instance) { return fmi3OK; }
const char *fmi3GetVersion(void) { return "3.0"; }

fmi3Status fmi3SetDebugLogging(
    fmi3Instance instance, fmi3Boolean on, size_t count, const fmi3String categories[]) {
    return fmi3OK;
}

/* Numbers ------------------------------------------------------------------------------------------- */

fmi3Status fmi3GetFloat64(
    fmi3Instance instance, const fmi3ValueReference references[], size_t count, fmi3Float64 values[],
    size_t value_count) {
    Chamber *chamber = instance;
    find_rates(chamber->values);
    for (size_t at = 0; at < count; at++) {
        if (references[at] >= COUNT)
            return failed(chamber, "there is no variable %u", references[at]);
        values[at] = chamber->values[references[at]];
    }
    return fmi3OK;
}

fmi3Status fmi3SetFloat64(
    fmi3Instance instance, const fmi3ValueReference references[], size_t count, const fmi3Float64 values[],
    size_t value_count) {
    Chamber *chamber = instance;
    for (size_t at = 0; at < count; at++) {
        if (references[at] >= COUNT)
            return failed(chamber, "there is no variable %u", references[at]);
        chamber->values[references[at]] = values[at];
    }
    return fmi3OK;
}

/* Copies -------------------------------------------------------------------------------------------- */

fmi3Status fmi3GetFMUState(fmi3Instance instance, fmi3FMUState *state) {
    if (!*state)
        *state = malloc(sizeof START);
    if (!*state)
        return failed(instance, "no memory is left for a copy of the state");
    memcpy(*state, ((Chamber *)instance)->values, sizeof START);
    return fmi3OK;
}

fmi3Status fmi3SetFMUState(fmi3Instance instance, fmi3FMUState state) {
    memcpy(((Chamber *)instance)->values, state, sizeof START);
    return fmi3OK;
}

fmi3Status fmi3FreeFMUState(fmi3Instance instance, fmi3FMUState *state) {
    free(*state);
    *state = NULL;
    return fmi3OK;
}

fmi3Status fmi3SerializedFMUStateSize(fmi3Instance instance, fmi3FMUState state, size_t *size) {
    *size = sizeof START;
    return fmi3OK;
}

fmi3Status fmi3SerializeFMUState(fmi3Instance instance, fmi3FMUState state, fmi3Byte bytes[], size_t size) {
    if (size < sizeof START)
        return failed(instance, "a state has %zu bytes, there is room for %zu", sizeof START, size);
    memcpy(bytes, state, sizeof START);
    return fmi3OK;
}

fmi3Status fmi3DeserializeFMUState(
    fmi3Instance instance, const fmi3Byte bytes[], size_t size, fmi3FMUState *state) {
    if (size != sizeof START)
        return failed(instance, "a state has %zu bytes, not %zu", sizeof START, size);
    if (!*state)
        *state = malloc(sizeof START);
    if (!*state)
        return failed(instance, "no memory is left for a copy of the state");
    memcpy(*state, bytes, sizeof START);
    return fmi3OK;
}

/* Co-simulation ------------------------------------------------------------------------------------- */

fmi3Status fmi3DoStep(
    fmi3Instance instance, fmi3Float64 time, fmi3Float64 seconds, fmi3Boolean no_return,
    fmi3Boolean *event, fmi3Boolean *ends, fmi3Boolean *early, fmi3Float64 *reached) {
    Chamber *chamber = instance;
    double *v = chamber->values;
    if (v[HEATER_DUTY] < 0 || v[HEATER_DUTY] > 100)
        return failed(chamber, "the heater cannot be driven at %g %%", v[HEATER_DUTY]);
    int parts = (int)ceil(seconds / STEP - 1e-9);
    for (int part = 0; part < parts; part++)
        step(v, seconds / parts);
    v[TIME] = time + seconds;
    *event = *ends = *early = fmi3False;
    *reached = v[TIME];
    return fmi3OK;
}

/* Model exchange ------------------------------------------------------------------------------------ */

fmi3Status fmi3UpdateDiscreteStates(
    fmi3Instance instance, fmi3Boolean *again, fmi3Boolean *ends, fmi3Boolean *nominals, fmi3Boolean *moved,
    fmi3Boolean *planned, fmi3Float64 *at) {
    *again = *ends = *nominals = *moved = *planned = fmi3False;
    *at = 0;
    return fmi3OK;
}

fmi3Status fmi3SetTime(fmi3Instance instance, fmi3Float64 time) {
    ((Chamber *)instance)->values[TIME] = time;
    return fmi3OK;
}

fmi3Status fmi3SetContinuousStates(fmi3Instance instance, const fmi3Float64 states[], size_t count) {
    Chamber *chamber = instance;
    chamber->values[AIR] = states[0];
    chamber->values[LOAD] = states[1];
    return fmi3OK;
}

fmi3Status fmi3GetContinuousStates(fmi3Instance instance, fmi3Float64 states[], size_t count) {
    Chamber *chamber = instance;
    states[0] = chamber->values[AIR];
    states[1] = chamber->values[LOAD];
    return fmi3OK;
}

fmi3Status fmi3GetContinuousStateDerivatives(fmi3Instance instance, fmi3Float64 rates[], size_t count) {
    Chamber *chamber = instance;
    find_rates(chamber->values);
    rates[0] = chamber->values[AIR_RATE];
    rates[1] = chamber->values[LOAD_RATE];
    return fmi3OK;
}

fmi3Status fmi3GetNominalsOfContinuousStates(fmi3Instance instance, fmi3Float64 nominals[], size_t count) {
    nominals[0] = nominals[1] = 1;
    return fmi3OK;
}

fmi3Status fmi3GetNumberOfContinuousStates(fmi3Instance instance, size_t *count) {
    *count = 2;
    return fmi3OK;
}

fmi3Status fmi3GetNumberOfEventIndicators(fmi3Instance instance, size_t *count) {
    *count = 0;
    return fmi3OK;
}

fmi3Status fmi3GetEventIndicators(fmi3Instance instance, fmi3Float64 indicators[], size_t count) {
    return fmi3OK;
}

fmi3Status fmi3CompletedIntegratorStep(
    fmi3Instance instance, fmi3Boolean no_return, fmi3Boolean *event, fmi3Boolean *ends) {
    *event = *ends = fmi3False;
    return fmi3OK;
}
