// The known name that a mistyped one most likely meant. Pure.
import { editDistance } from '../function/nearest.js'

const plain = (name: string): string => name.toLowerCase().replace(/^-+/, '').replace(/[_-]/g, '')

/** The nearest of the known names, and whether it is near enough to be what was meant. */
export const nearest = (name: string, known: readonly string[]): { name: string; likely: boolean } | undefined => {
  const wanted = plain(name)
  let best: { name: string; likely: boolean; cost: number } | undefined
  for (const candidate of known) {
    const word = plain(candidate)
    const changes = editDistance(wanted, word)
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
