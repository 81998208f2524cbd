// NBD and echo servers.

let serverRows: [Row] = []
