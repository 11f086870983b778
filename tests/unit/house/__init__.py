"""The rules of the house as functions: a source tree goes in, what breaks a rule comes out, one line a finding.

The test_house_* modules apply them to the checkout, and to small trees that break them on purpose.
"""
