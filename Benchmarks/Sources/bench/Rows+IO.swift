// Block I/O, the ring and the pool.

let ioRows: [Row] = []
