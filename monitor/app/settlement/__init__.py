"""Settlement: a day's archive, sorted and without duplicates, through the same rules, and what differs put right.

A settled day begins with the settled end state of the day before and ends with one of its own, so that settling day
after day gives what ``monitor replay`` gives over all of them. Only rules that run on fix time are settled; those that
run on receive time were answered live in the order received, and stay.
"""
