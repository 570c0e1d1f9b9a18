/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The program that is to be run: where it is, and whether we can help it.
 */
#ifndef _TTP_RUN_TARGET_H
#define _TTP_RUN_TARGET_H

#include <stdbool.h>

/**
 * target_find() - find a program as execvp() does
 * @name: as the user gave it
 * @path: filled, PATH_MAX bytes
 *
 * Return: true, or false with errno.
 */
bool target_find(const char *name, char *path);

/**
 * target_check() - will it load the library?
 * @path: the program, or a script
 * @library: the library
 *
 * Return: NULL, or why not.
 */
const char *target_check(const char *path, const char *library);

#endif /* _TTP_RUN_TARGET_H */
