"""Export: conversion to TFLite, quantisation and verification."""
