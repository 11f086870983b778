"""What a new lab begins with, and for whom a lab is previewed while nobody is named."""

from __future__ import annotations

from webapi.engine import Student

STUDENTS = (Student("anna", "Anna", "1"),)

LAB = """\
name: my-first-lab

services:
  linux:
    image: registry.autolabs.internal/labs/linux-ssh:1
    volumes:
      - home:/home

volumes:
  home:

x-lab:
  title:
    en: First steps in Linux
    ru: Первые шаги в Linux
  text:
    en: Log in by ssh and make a folder `work` in your home.
    ru: Войдите по ssh и создайте в домашнем каталоге папку `work`.
  access: ssh
  volume: 1Gi
"""
