// What is measured, as functions that every side maps: ours as a module's exports, the peers by name.
// Always true: none looks at a clock, so that a busy machine cannot hide in their time; `spin` does as much work each turn.

/** An integer loop; the item is how often it turns. */
export const spin = (turns: number): number => {
  let x = turns | 0
  for (let i = 0; i < turns; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0
  return x
}

/** Nothing at all: what is left is what an item costs. */
export const noop = (x: number): number => x

export const sqrt = (x: number): number => Math.sqrt(x)

export const add = (a: number, b: number): number => a + b

/** A whole object comes back, so that results take as much as items. */
export const idOf = (item: { id: number }): { id: number } => ({ ...item, id: item.id + 1 })

/** A small object: five fields in, five fields out. */
export interface SmallRecord {
  readonly id: number
  readonly turns: number
  readonly name: string
  readonly score: number
  readonly isOpen: boolean
}

export const record = (item: SmallRecord): SmallRecord => ({ ...item, score: spin(item.turns) })

/** As `record`, all in one text: a function that is passed itself takes nothing from around it. */
export const scored = (item: SmallRecord): SmallRecord => {
  let x = item.turns | 0
  for (let i = 0; i < item.turns; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0
  return { ...item, score: x }
}

/** As `spin`, its value promised. */
export const promised = async (turns: number): Promise<number> => {
  let x = turns | 0
  for (let i = 0; i < turns; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0
  return x
}

/** The words of a text in their order. */
export const sorted = (text: string): string => text.toLowerCase().split(' ').toSorted().join(' ')

/** Work, and bytes that travel beside it both ways. */
export interface Padded {
  readonly turns: number
  readonly pad: string
}

export const padded = (item: Padded): Padded => ({ turns: spin(item.turns), pad: item.pad })
