// Coroutines, executors and the main actor.

let taskRows: [Row] = []
