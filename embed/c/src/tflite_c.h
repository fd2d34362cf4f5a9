/*
 * The part of the TensorFlow Lite C API that tfbwe uses, declared anew: its binary interface is stable, and
 * so no header of the library that is linked is needed.
 */
#ifndef TFBWE_TFLITE_C_H
#define TFBWE_TFLITE_C_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef struct TfLiteModel TfLiteModel;
typedef struct TfLiteInterpreter TfLiteInterpreter;
typedef struct TfLiteInterpreterOptions TfLiteInterpreterOptions;
typedef struct TfLiteSignatureRunner TfLiteSignatureRunner;
typedef struct TfLiteTensor TfLiteTensor;
typedef struct TfLiteDelegate TfLiteDelegate;
typedef void (*TfLiteReporter)(void *user, const char *format, va_list arguments);

enum { kTfLiteOk = 0, kTfLiteFloat32 = 1 };

TfLiteModel *TfLiteModelCreateWithErrorReporter(const void *data, size_t size, TfLiteReporter, void *user);
void TfLiteModelDelete(TfLiteModel *);

TfLiteInterpreterOptions *TfLiteInterpreterOptionsCreate(void);
void TfLiteInterpreterOptionsDelete(TfLiteInterpreterOptions *);
void TfLiteInterpreterOptionsSetNumThreads(TfLiteInterpreterOptions *, int32_t);
void TfLiteInterpreterOptionsSetErrorReporter(TfLiteInterpreterOptions *, TfLiteReporter, void *user);
void TfLiteInterpreterOptionsAddDelegate(TfLiteInterpreterOptions *, TfLiteDelegate *);

TfLiteInterpreter *TfLiteInterpreterCreate(const TfLiteModel *, const TfLiteInterpreterOptions *);
void TfLiteInterpreterDelete(TfLiteInterpreter *);
int32_t TfLiteInterpreterGetSignatureCount(const TfLiteInterpreter *);
const char *TfLiteInterpreterGetSignatureKey(const TfLiteInterpreter *, int32_t);
TfLiteSignatureRunner *TfLiteInterpreterGetSignatureRunner(const TfLiteInterpreter *, const char *key);

size_t TfLiteSignatureRunnerGetInputCount(const TfLiteSignatureRunner *);
size_t TfLiteSignatureRunnerGetOutputCount(const TfLiteSignatureRunner *);
TfLiteTensor *TfLiteSignatureRunnerGetInputTensor(TfLiteSignatureRunner *, const char *name);
const TfLiteTensor *TfLiteSignatureRunnerGetOutputTensor(const TfLiteSignatureRunner *, const char *name);
int TfLiteSignatureRunnerAllocateTensors(TfLiteSignatureRunner *);
int TfLiteSignatureRunnerInvoke(TfLiteSignatureRunner *);
void TfLiteSignatureRunnerDelete(TfLiteSignatureRunner *);

int TfLiteTensorType(const TfLiteTensor *);
int32_t TfLiteTensorNumDims(const TfLiteTensor *);
int32_t TfLiteTensorDim(const TfLiteTensor *, int32_t);
size_t TfLiteTensorByteSize(const TfLiteTensor *);
void *TfLiteTensorData(const TfLiteTensor *);

/* The XNNPACK delegate takes about 0.6 of the time, and is not in every library: a weak symbol may be missing. */
#if defined(__GNUC__) && !defined(TFBWE_NO_XNNPACK)
#define TFBWE_XNNPACK 1
TfLiteDelegate *TfLiteXNNPackDelegateCreate(const void *options) __attribute__((weak));
void TfLiteXNNPackDelegateDelete(TfLiteDelegate *) __attribute__((weak));
#endif

#endif
