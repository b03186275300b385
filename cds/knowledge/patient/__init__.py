"""Who the patient is: ages, pregnancy, goals of care, and diagnoses that several topics ask for."""
