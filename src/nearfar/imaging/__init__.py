"""Arrays in, arrays out: what photos and maps share."""
