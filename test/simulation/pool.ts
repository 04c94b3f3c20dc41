// The slots of a simulated agent and the tasks that wait for them, after agent/pool.ts. In: tasks. Out: reports, and room.
import type { Task } from '../../proto/shard.js'
import { SimSlot, type SlotWorld } from './slot.js'

const HELD_PER_SLOT = 2

export class SimPool {
  readonly #slots: SimSlot[]
  #queue: Task[] = []

  constructor(world: SlotWorld, slots: number) {
    const onRoom = (): void => {
      this.#assign()
      world.onRoom()
    }
    this.#slots = Array.from(
      { length: slots },
      () => new SimSlot({ ...world, onRoom }, task => void this.#queue.unshift(task)),
    )
  }

  get room(): number {
    return HELD_PER_SLOT * this.#slots.length - this.#queue.length - this.#slots.filter(({ task }) => task).length
  }

  submit(task: Task): void {
    this.#queue.push(task)
    this.#assign()
  }

  held(): { task: Task; started: boolean }[] {
    const running = this.#slots.flatMap(({ task }) => (task ? [{ task, started: true }] : []))
    return [...running, ...this.#queue.map(task => ({ task, started: false }))]
  }

  withdraw(which: (task: Task) => boolean): Task[] {
    const taken = this.#queue.filter(which)
    this.#queue = this.#queue.filter(task => !which(task))
    return taken
  }

  recall(which: (task: Task) => boolean): void {
    for (const slot of this.#slots) if (slot.task !== undefined && which(slot.task)) slot.recall()
  }

  abort(unwanted: (task: Task) => boolean): void {
    this.withdraw(unwanted)
    for (const slot of this.#slots) if (slot.task !== undefined && unwanted(slot.task)) slot.abort()
  }

  #assign(): void {
    for (const slot of this.#slots) {
      if (slot.task !== undefined) continue
      const task = this.#queue.shift()
      if (task === undefined) return
      slot.run(task)
    }
  }
}
