# Reads Tests/coverage-reasons and what llvm-cov exports as lcov, and prints what scripts/coverage promises.

# Indentation of a line.
function indent(text) {
  match(text, /^ */)
  return RLENGTH
}

# A reason is for the lines from one that has its text to where the indentation is that line's again.
function excuse(path, file,   count, text, texts, i, j, k) {
  if (!(file in reasons)) return
  count = 0
  while ((getline text < path) > 0) texts[++count] = text
  close(path)
  for (i = 1; i <= reasons[file]; i++) {
    found[file, i] = 0
    for (j = 1; j <= count; j++) {
      if (!index(texts[j], pattern[file, i])) continue
      found[file, i] = 1
      excused[j] = 1
      for (k = j + 1; k <= count && (texts[k] == "" || indent(texts[k]) > indent(texts[j])); k++) excused[k] = 1
      if (k <= count && texts[k] ~ /^ *[})\]]/) excused[k] = 1
    }
  }
}

BEGIN {
  FS = " \\| "
  count = split(held, names, " ")
  for (i = 1; i <= count; i++) isHeld[names[i]] = 1
}

FNR == 1 { input++ }

input == 1 {
  if ($0 == "" || /^#/) next
  pattern[$1, ++reasons[$1]] = $2
  next
}

/^SF:/ {
  path = substr($0, 4)
  file = substr(path, index(path, "Sources/AioGSource/") + length("Sources/AioGSource/"))
  room = substr(file, 1, index(file, "/") - 1)
  delete excused
  excuse(path, file)
}

/^DA:/ {
  split(substr($0, 4), field, ",")
  lines[room]++
  if (field[2] + 0 > 0) {
    covered[room]++
  } else if (field[1] in excused) {
    withReason[room]++
  } else {
    gap[room]++
    gaps[room] = gaps[room] file ":" field[1] "\n"
  }
}

END {
  printf "%-14s %7s %9s %8s %14s %8s\n", "room", "lines", "run", "%", "with a reason", "without"
  command = "sort"
  for (room in lines) {
    part = 100 * covered[room] / lines[room]
    printf "%-14s %7d %9d %8.1f %14d %8d%s\n", room, lines[room], covered[room], part, withReason[room], gap[room],
      isHeld[room] ? "" : "  (not held)" | command
    all += lines[room]; allCovered += covered[room]
    if (isHeld[room]) {
      heldLines += lines[room]; heldCovered += covered[room]
      if (part < 95 && gap[room] > 0) below = below " " room
    }
  }
  close(command)
  for (i = 1; i in names; i++) if (gaps[names[i]] != "") printf "%s", gaps[names[i]]
  for (key in pattern) {
    split(key, part2, SUBSEP)
    if (!found[key]) printf "Tests/coverage-reasons: %s has no line with: %s\n", part2[1], pattern[key]
  }
  printf "coverage: %.1f %% of %d lines; of the loop, the monitors, the ring, the engines and the executors %.1f %% of %d\n",
    100 * allCovered / all, all, 100 * heldCovered / heldLines, heldLines
  if (below != "") {
    printf "below 95 %%, with gaps that have no reason:%s\n", below
    exit 1
  }
}
