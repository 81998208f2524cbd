#include "CThreadState.h"

_Thread_local uintptr_t aiogs_thread_state_word;
