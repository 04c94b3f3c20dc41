// The tutorial's Process(target=bubble_sort, args=([…],)), start and join: one call, in a process of its own.
//
//   manyhands run examples/bubble_sort.ts '[5,3,1]'
//
// In: a list of numbers. Out: a sorted copy. (A worker gets its own copy of the argument and the caller gets a copy of the
// result, so that sorting in place would change nothing for the caller; that is so in Python's multiprocessing too.)
export default function bubbleSort(numbers: readonly number[]): number[] {
  const sorted = [...numbers]
  for (let end = sorted.length - 1; end > 0; end--) {
    for (let at = 0; at < end; at++) {
      const [left, right] = [sorted[at] as number, sorted[at + 1] as number]
      if (left > right) [sorted[at], sorted[at + 1]] = [right, left]
    }
  }
  return sorted
}
