"""The languages of the pages: a catalogue each. English is in the code itself.

After a change of texts run `python -m webapi.translations`, fill what is new in `ru/LC_MESSAGES/messages.po`, and run
it again: it takes the texts out of the code, brings the catalogues up to date and compiles them. The compiled ones are
part of the repository, so that a checkout and the wheel need no build step; a test holds that they are fresh.
"""
