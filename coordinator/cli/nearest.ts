// The known name that a mistyped one most likely meant. Pure.

/** Changes of one letter (insert, drop, replace, swap two neighbours) from one word to the other. */
const distance = (a: string, b: string): number => {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const here = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      let least = Math.min(replaced, (above[column] ?? 0) + 1, (here[column - 1] ?? 0) + 1)
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped) least = Math.min(least, (before[column - 2] ?? 0) + 1)
      here.push(least)
    }
    before = above
    above = here
  }
  return above[b.length] ?? 0
}

const plain = (name: string): string => name.toLowerCase().replace(/^-+/, '').replace(/[_-]/g, '')

/** The nearest of the known names, and whether it is near enough to be what was meant. */
export const nearest = (name: string, known: readonly string[]): { name: string; likely: boolean } | undefined => {
  const wanted = plain(name)
  let best: { name: string; likely: boolean; cost: number } | undefined
  for (const candidate of known) {
    const word = plain(candidate)
    const changes = distance(wanted, word)
    const part = wanted.length > 2 && (word.startsWith(wanted) || wanted.startsWith(word))
    // A word that was cut short or carried on is nearer than as many wrong letters.
    const cost = part ? changes / 2 : changes
    if (best === undefined || cost < best.cost) {
      best = { name: candidate, likely: cost <= Math.max(1, Math.min(3, word.length / 3)), cost }
    }
  }
  return best && { name: best.name, likely: best.likely }
}

/** What to do about an unknown name: the nearest known one, in a sentence. */
export const suggest = (name: string, known: readonly string[]): string => {
  const found = nearest(name, known)
  if (!found) return ''
  return found.likely ? `Did you mean ${found.name}?` : `The nearest that there is: ${found.name}.`
}
