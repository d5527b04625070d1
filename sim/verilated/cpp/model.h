// One Verilated top behind a table of plain C functions.
//
// The generated file defines MODEL (the Verilated class), Inputs, Outputs, set_inputs, get_outputs and the name of the
// table's getter, MODEL_TABLE, then includes this one. Rust: src/ffi.rs, the same table.
//
// CLOCK_BEFORE is the member of the root class that holds the clock of the last evaluation, if the build found it.

#include <cstdint>
#include <memory>

#include "verilated.h"
#include "verilated_fst_c.h"

namespace {

// Time units a clock cycle in waveforms: 1 ns each, 250 MHz.
constexpr std::uint64_t CYCLE = 4;

struct Handle {
    // Declared first, destroyed last: the model and the trace point into the context.
    std::unique_ptr<VerilatedContext> context;
    std::unique_ptr<MODEL> top;
    std::unique_ptr<VerilatedFstC> trace;
    std::uint64_t cycle = 0;

    ~Handle() {
        if (trace) trace->close();
        if (top) top->final();
    }
};

void* model_new(std::int32_t seed, int argc, const char* const* argv) try {
    auto handle = std::make_unique<Handle>();
    handle->context = std::make_unique<VerilatedContext>();
    VerilatedContext* const context = handle->context.get();
    // $test$plusargs and the random reset ask the calling thread's context.
    Verilated::threadContextp(context);
    context->commandArgs(argc, const_cast<const char**>(argv));
    context->traceEverOn(true);
    context->randReset(2);
    context->randSeed(seed);
    handle->top = std::make_unique<MODEL>(context, "");
    const Inputs idle = {};
    set_inputs(handle->top.get(), idle);
    handle->top->clock = 0;
    handle->top->eval();
    return handle.release();
} catch (...) {
    return nullptr;
}

void model_free(void* raw) {
    auto* const handle = static_cast<Handle*>(raw);
    Verilated::threadContextp(handle->context.get());
    delete handle;
    // The thread must not keep a pointer to the context that has just gone.
    static VerilatedContext* const none = new VerilatedContext;
    Verilated::threadContextp(none);
}

void model_outputs(void* raw, Outputs* out) { get_outputs(static_cast<Handle*>(raw)->top.get(), *out); }

void model_step(void* raw, const Inputs* in, Outputs* out) {
    auto* const handle = static_cast<Handle*>(raw);
    MODEL* const top = handle->top.get();
    set_inputs(top, *in);
    if (VL_UNLIKELY(handle->trace)) {
        // Show the inputs before the edge that samples them.
        top->eval();
        handle->trace->dump(handle->cycle * CYCLE);
        top->clock = 1;
        top->eval();
        handle->trace->dump(handle->cycle * CYCLE + CYCLE / 2);
        top->clock = 0;
        top->eval();
    } else {
        top->clock = 1;
        top->eval();
        top->clock = 0;
#ifdef CLOCK_BEFORE
        // Nothing happens at a falling edge: the model is only told that it has seen the clock low.
        top->rootp->CLOCK_BEFORE = 0;
#else
        top->eval();
#endif
    }
    handle->cycle++;
    get_outputs(top, *out);
}

// 1 if the file is open.
int model_trace_open(void* raw, const char* path) try {
    auto* const handle = static_cast<Handle*>(raw);
    Verilated::threadContextp(handle->context.get());
    auto trace = std::make_unique<VerilatedFstC>();
    handle->top->trace(trace.get(), 99);
    trace->set_time_unit("1ns");
    trace->set_time_resolution("1ns");
    trace->open(path);
    if (!trace->isOpen()) return 0;
    handle->trace = std::move(trace);
    return 1;
} catch (...) {
    return 0;
}

void model_trace_close(void* raw) {
    auto* const handle = static_cast<Handle*>(raw);
    if (!handle->trace) return;
    handle->trace->dump(handle->cycle * CYCLE);
    handle->trace->close();
    handle->trace.reset();
}

struct Table {
    void* (*create)(std::int32_t, int, const char* const*);
    void (*destroy)(void*);
    void (*outputs)(void*, Outputs*);
    void (*step)(void*, const Inputs*, Outputs*);
    int (*trace_open)(void*, const char*);
    void (*trace_close)(void*);
};

constexpr Table TABLE = {model_new, model_free, model_outputs, model_step, model_trace_open, model_trace_close};

}  // namespace

extern "C" const Table* MODEL_TABLE() { return &TABLE; }
