"""The tutorial's Process(target=bubble_sort, args=([...],)), start and join: one call, in a process of its own.

    manyhands run examples/bubble_sort.py '[5,3,1]'

A module with one public function needs no name behind a "#".
"""


def bubble_sort(numbers):
    for end in range(len(numbers) - 1, 0, -1):
        for at in range(end):
            if numbers[at] > numbers[at + 1]:
                numbers[at], numbers[at + 1] = numbers[at + 1], numbers[at]
    # The caller gets a copy of what is returned; the list it gave stays as it was.
    return numbers
